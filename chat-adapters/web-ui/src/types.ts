// What the server sends: the mirror of the Rust structs of `agent-core` and `chat-adapters`.
// Ids and times are text; times are RFC 3339.

export type IncidentId = string;
export type EvidenceId = string;
export type MessageId = string;
export type Timestamp = string;

/** `incident::Incident` */
export interface Incident {
  id: IncidentId;
  title: string;
  service: string | null;
  source: "alert" | "person" | "deploy_check";
  opened_at: Timestamp;
  state: "open" | "investigating" | "found" | "resolved";
  window: TimeRange;
  baseline: TimeRange;
}

export interface TimeRange {
  from: Timestamp;
  to: Timestamp;
}

/** `finding::Verdict` */
export type Verdict = "confirmed" | "likely" | "inconclusive" | "no_incident";

/** `finding::Finding`: what the page needs of it. */
export interface Finding {
  incident: IncidentId;
  verdict: Verdict;
  confidence: number;
  symptom: { service: string; signal: string; text: string; onset: string };
  root_causes: RootCause[];
  first_failing_service: string;
  impact: { services: string[]; requests_failed: number };
}

export interface RootCause {
  service: string;
  resource: string;
  fault_class: string;
  confidence: number;
}

/** `ports::ChatLine` */
export interface ChatLine {
  id: MessageId;
  speaker: Speaker;
  at: Timestamp;
  post: Post;
}

export type Speaker = { kind: "waggle" } | { kind: "person"; name: string };

/** `ports::Post` */
export type Post = { kind: "card"; card: Card } | { kind: "text"; text: string; buttons: Button[] };

export interface Button {
  text: string;
}

/** `card::Card` */
export interface Card {
  title: string;
  done: boolean;
  verdict: Verdict | null;
  confidence: number;
  sections: Section[];
  hunk: CardHunk | null;
  mentions: string[];
  buttons: string[];
  steps: Step[];
  elapsed_ms: number;
  language: Language;
}

export type Language = "en" | "zh";

export interface Section {
  kind: SectionKind;
  heading: string;
  lines: Line[];
}

export type SectionKind = "symptom" | "cause" | "path" | "ruled_out" | "do" | "seen_before" | "missing";

/** Plain text with backticks for literals. */
export interface Line {
  text: string;
  evidence: EvidenceId[];
}

export interface CardHunk {
  commit: string;
  summary: string;
  author: string;
  path: string;
  /** Number of the first line after the change. */
  line: number;
  /** With ` `, `+` or `-` in front. */
  lines: string[];
  evidence: EvidenceId;
}

export interface Step {
  evidence: EvidenceId;
  tool: string;
  text: string;
  done: boolean;
}

/** `evidence::Evidence` */
export interface Evidence {
  id: EvidenceId;
  tool: string;
  arguments: unknown;
  at: Timestamp;
  text: string;
  data: unknown;
  facts: Fact[];
}

export interface Fact {
  service: string;
  topic: string;
  text: string;
}

/** `ports::Rating` */
export interface Rating {
  incident: IncidentId;
  by: string;
  at: Timestamp;
  helpful: boolean;
  correction: string;
}

/** `web::IncidentRow` */
export interface IncidentRow {
  incident: Incident;
  verdict: Verdict | null;
  summary: string;
}

/** The answer of `GET /api/incidents/{id}`. */
export interface Detail {
  incident: Incident;
  lines: ChatLine[];
  finding: Finding | null;
  rating: Rating | null;
  sequence: number;
}
