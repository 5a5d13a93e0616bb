import assert from "node:assert/strict";
import { test } from "node:test";

import { diffLines, firstChange } from "../src/lib/diff";
import { jsonPieces } from "../src/lib/json";
import { withLine, withRow } from "../src/lib/lines";
import { pieces, stations } from "../src/lib/text";
import { ago, clock, duration } from "../src/lib/time";
import { en, zh } from "../src/i18n/strings";
import type { ChatLine, IncidentRow } from "../src/types";

test("backticks become code, evidence becomes chips, and nothing else is touched", () => {
  const text = (text: string) => ({ kind: "text", text });
  const code = (text: string) => ({ kind: "code", text });
  const evidence = (ids: string[], after = "") => ({ kind: "evidence", ids, after });
  const cases: [string, object[]][] = [
    ["", []],
    ["p99 is `2.1 s` [E3].", [text("p99 is "), code("2.1 s"), text(" "), evidence(["E3"], ".")]],
    ["两处 [E1、E12]。另外", [text("两处 "), evidence(["E1", "E12"], "。"), text("另外")]],
    ["<b>bold</b> & [Evidence]", [text("<b>bold</b> & [Evidence]")]],
    ["one ` alone\nand ``", [text("one ` alone\nand ``")]],
    ["`[E3]`", [code("[E3]")]],
  ];
  for (const [given, expected] of cases) assert.deepEqual(pieces(given), expected, given);
});

test("a path has at least two stations", () => {
  assert.deepEqual(stations("gateway → checkout → `inventory`"), ["gateway", "checkout", "`inventory`"]);
  assert.deepEqual(stations("cart is not on it"), []);
  assert.deepEqual(stations("→ nowhere"), []);
});

test("lines of a hunk are numbered as after the change", () => {
  assert.deepEqual(
    diffLines(87, [" a", "-b", "+c", "+d", " e", ""]).map(({ kind, number, text }) => `${kind} ${number} ${text}`),
    ["same 87 a", "removed null b", "added 88 c", "added 89 d", "same 90 e", "same 91 "],
  );
});

test("a hunk is named by its first change", () => {
  const cases: [string[], number | null][] = [
    [[" a", " b", "-c", "+d"], 12],
    [[" a", "-b", "-c", " d"], 11],
    [["+a"], 10],
    [[" a"], null],
    [["-a"], null],
  ];
  for (const [lines, expected] of cases) assert.equal(firstChange(diffLines(10, lines)), expected, lines.join());
});

test("coloured JSON is the same JSON", () => {
  const json = JSON.stringify({ "a\"b": [1, -2.5e-7, true, null, "x: 1", "\\"], 空: {} }, null, 2);
  for (const length of [json.length, 20, 7]) {
    const cut = json.slice(0, length);
    assert.equal(jsonPieces(cut).map((piece) => piece.text).join(""), cut);
  }
  const kinds = jsonPieces('{"a": "b", "c": -1, "d": null}').filter(({ kind }) => kind !== "rest");
  assert.deepEqual(
    kinds.map(({ kind, text }) => `${kind} ${text}`),
    ['key "a"', 'text "b"', 'key "c"', "number -1", 'key "d"', "word null"],
  );
});

test("a line that changes keeps its place, a new one comes last", () => {
  const line = (id: string, text: string) => ({ id, post: { kind: "text", text, buttons: [] } }) as unknown as ChatLine;
  const lines = [line("a", "1"), line("b", "1")];
  assert.deepEqual(withLine(lines, line("a", "2")), [line("a", "2"), line("b", "1")]);
  assert.deepEqual(withLine(lines, line("c", "1")), [...lines, line("c", "1")]);
});

test("rows stay newest first", () => {
  const row = (id: string, opened_at: string, summary = "") => ({ incident: { id, opened_at }, summary }) as IncidentRow;
  const rows = [row("b", "2026-03-02T00:00:00Z"), row("a", "2026-03-01T00:00:00Z")];
  const ids = (rows: IncidentRow[]) => rows.map((row) => row.incident.id + row.summary).join();
  assert.equal(ids(withRow(rows, row("c", "2026-03-03T00:00:00Z"))), "c,b,a");
  assert.equal(ids(withRow(rows, row("a", "2026-03-01T00:00:00Z", "!"))), "b,a!");
  assert.equal(ids(withRow(rows, row("z", "2026-02-01T00:00:00Z"))), "b,a,z");
});

test("times are said shortly", () => {
  const durations: [number, string][] = [[0, "0.0 s"], [1449, "1.4 s"], [9_960, "10.0 s"], [12_400, "12 s"], [120_000, "2 min"], [200_000, "3 min 20 s"]];
  for (const [ms, expected] of durations) assert.equal(duration(ms), expected);
  const now = new Date("2026-03-01T14:05:00Z");
  assert.equal(ago("2026-03-01T14:04:50Z", now, "en"), "now");
  assert.equal(ago("2026-03-01T14:00:00Z", now, "en"), "5 min. ago");
  assert.equal(ago("2026-02-27T14:00:00Z", now, "en"), "2 days ago");
  assert.equal(ago("2026-03-01T15:00:00Z", now, "en"), "now", "a clock that is ahead");
  assert.match(clock("2026-03-01T14:04:50Z", now, "en"), /^\d\d:\d\d:50$/);
});

test("both languages say everything", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
});
