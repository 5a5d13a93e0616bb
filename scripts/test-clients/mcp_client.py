"""Drives Waggle's MCP server with the official Python SDK, over stdio and over streamable HTTP.

Usage: mcp_client.py PATH_OF_THE_EXAMPLE_SERVER
"""

import asyncio
import json
import subprocess
import sys
import tempfile

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

# Seconds for everything: whatever hangs, fails.
LIMIT = 120
TOKEN = "a-token-for-tests"


def check(what, holds, shown=""):
    if not holds:
        raise SystemExit(f"FAILED {what}: {shown}")
    print(f"  ok: {what}")


def text_of(result):
    return "\n".join(part.text for part in result.content)


async def converse(client):
    """Everything that a client does, on one session."""
    check("the version is agreed", client.protocol_version == "2025-11-25", client.protocol_version)
    check("the server names itself", client.server_info.name == "waggle", client.server_info)
    check("instructions say how to look", "look_at" in client.instructions, client.instructions)

    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    want = {"echo", "window", "fails", "wait", "investigate", "ask"}
    check("tools are listed", set(tools) == want, sorted(tools))
    check("a tool of the toolbox is read-only", tools["echo"].annotations.read_only_hint is True)
    check("an investigation is not, and destroys nothing", (
        tools["investigate"].annotations.read_only_hint is False
        and tools["investigate"].annotations.destructive_hint is False
    ))
    check("a schema has its fields", set(tools["echo"].input_schema["properties"]) == {"text", "look_at"})

    result = await client.call_tool("echo", {"text": "hello"})
    check("a call is answered between marks", text_of(result).startswith('<data id="echo">\nhello\n</data>'), result)
    check("its data comes along", result.structured_content == {"text": "hello"}, result)
    result = await client.call_tool("window", {"look_at": {"incident": "inc-1"}})
    check("an incident can be looked at", "inc-1 at " in text_of(result), result)
    result = await client.call_tool("ask", {"question": "who is slow?"})
    check("a question is answered", not result.is_error and "who is slow?" in text_of(result), result)

    result = await client.call_tool("echo", {"wrong": 1})
    check("wrong arguments are an error to mend", result.is_error and "break its schema" in text_of(result), result)
    result = await client.call_tool("fails", {"fatal": False})
    check("a refusal is an error to mend", result.is_error and "nearest is `checkout`" in text_of(result), result)
    for tool, arguments in [("fails", {"fatal": True}), ("no_such_tool", {})]:
        try:
            result = await client.call_tool(tool, arguments)
            check(f"`{tool}` is an error of the protocol", False, result)
        except MCPError as error:
            check(f"`{tool}` is an error of the protocol", "secret" not in str(error), error)

    steps = []

    async def on_progress(progress, total, message):
        steps.append((progress, message))

    result = await client.call_tool("investigate", {"service": "cart"}, progress_callback=on_progress)
    check("an investigation returns a finding", result.structured_content["incident"] == "inc-1", result)
    check("its steps are told", steps == [(1, "E1: who calls whom"), (2, "E2: what stands out")], steps)

    # The example lets two calls run at once: were these not stopped, the next would be refused.
    for _ in range(2):
        with anyio.move_on_after(0.5):
            await client.call_tool("wait", {"seconds": 3600})
    for _ in range(100):
        result = await client.call_tool("echo", {"text": "free again"})
        if not result.is_error:
            break
        await anyio.sleep(0.05)
    check("cancelled calls are stopped", not result.is_error, result)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(client.call_tool, "wait", {"seconds": 3600})
        refused = False
        for _ in range(100):
            result = await client.call_tool("echo", {"text": "me too"})
            refused = result.is_error and "calls of this session as may run at once" in text_of(result)
            if refused:
                break
            await anyio.sleep(0.05)
        group.cancel_scope.cancel()
    check("too many calls at once are refused", refused, result)


async def over_stdio(server):
    for mode in ["auto", "legacy"]:
        print(f"stdio, {mode}:")
        async with Client(StdioServerParameters(command=server, args=["stdio"]), mode=mode) as client:
            await converse(client)


async def over_http(server):
    process = subprocess.Popen([server, "http", "0", TOKEN], stderr=subprocess.PIPE, text=True)
    try:
        url = process.stderr.readline().split()[-1]
        for mode in ["auto", "legacy"]:
            print(f"streamable HTTP, {mode}:")
            async with create_mcp_http_client(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
                async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                    await converse(client)
        print("streamable HTTP without the token:")
        async with create_mcp_http_client() as http:
            status = (await http.post(url, json={})).status_code
            check("nobody comes in without the token", status == 401, status)
    finally:
        process.terminate()
        process.wait()


async def recorded(server):
    print("a recording over stdio:")
    recording = {'logs {"service": "cart"}': "timeout after 5 s", "service_map": "gateway -> cart"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(recording, file)
        file.flush()
        async with Client(StdioServerParameters(command=server, args=["recorded", file.name])) as client:
            names = sorted(tool.name for tool in (await client.list_tools()).tools)
            check("its tools are listed", names == ["logs", "service_map"], names)
            result = await client.call_tool("logs", {"service": "cart"})
            check("a call is answered as then", text_of(result) == "timeout after 5 s", result)
            result = await client.call_tool("logs", {"service": "redis"})
            check("another is told of the one that was made", (
                result.is_error and 'recorded calls of this tool: {"service":"cart"}' in text_of(result)
            ), result)


async def main():
    server = sys.argv[1]
    async with asyncio.timeout(LIMIT):
        await over_stdio(server)
        await over_http(server)
        await recorded(server)
    print("the official Python SDK is served")


asyncio.run(main())
