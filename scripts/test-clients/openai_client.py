"""The official OpenAI Python SDK against the OpenAI-compatible face: `openai_client.py URL`.

The server is `chat-adapters/examples/openai_face.rs`; what is in brackets in a question is played by its desk.
"""

import asyncio
import json
import sys
import threading
import time
import urllib.request

import openai
from openai import AsyncOpenAI, OpenAI

URL = sys.argv[1]
SETTINGS = dict(base_url=f"{URL}/v1", api_key="test-token", max_retries=0, timeout=20)
CLIENT = OpenAI(**SETTINGS)


def ask(question, client=CLIENT, **settings):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="waggle", messages=messages, **settings)


def counts():
    with urllib.request.urlopen(f"{URL}/counts", timeout=5) as answer:
        return json.load(answer)


def refused(with_class, call, status=None, **fields):
    try:
        call()
    except with_class as error:
        assert type(error) is with_class, type(error)
        if status is not None:
            assert error.status_code == status, error
        for name, value in fields.items():
            assert getattr(error, name) == value, (name, getattr(error, name), value)
        return error
    raise AssertionError(f"{with_class.__name__} was not raised")


def plain_answer():
    answer = ask("why is checkout slow?")
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-"), answer
    assert abs(answer.created - time.time()) < 60, answer.created
    choice = answer.choices[0]
    assert choice.finish_reason == "stop" and choice.message.role == "assistant", choice
    assert choice.message.content.startswith("`checkout` is slow"), choice.message.content
    assert choice.message.tool_calls is None and answer.system_fingerprint is None
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1200, 80, 1280), usage
    assert usage.prompt_tokens_details.cached_tokens == 200


def streamed_answer():
    whole = ask("why?").choices[0].message.content
    chunks = list(ask("[steps] why?", stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    said = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in said) == whole
    steps = "".join(getattr(delta, "reasoning_content", None) or "" for delta in said)
    assert "E1 compare: checkout" in steps and "guess" not in steps and "sk-123" not in steps, steps
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 1280
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1


def stream_helper():
    messages = [{"role": "user", "content": "why?"}]
    with CLIENT.chat.completions.stream(model="waggle", messages=messages) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    assert final.choices[0].message.content.startswith("`checkout` is slow")


def models():
    rows = list(CLIENT.models.list())
    assert [row.id for row in rows] == ["waggle"] and rows[0].owned_by == "waggle", rows
    assert CLIENT.models.retrieve("waggle").id == "waggle"
    refused(openai.NotFoundError, lambda: CLIENT.models.retrieve("gpt-5"), code="model_not_found")


def exception_classes():
    stranger = OpenAI(**{**SETTINGS, "api_key": "wrong"})
    refused(openai.AuthenticationError, lambda: ask("why?", stranger), 401, code="invalid_api_key")
    messages = [{"role": "user", "content": "why?"}]
    unknown = lambda: CLIENT.chat.completions.create(model="gpt-5", messages=messages)
    refused(openai.NotFoundError, unknown, 404, code="model_not_found", param="model")
    refused(openai.BadRequestError, lambda: ask("why?", n=2), 400, param="n")
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    refused(openai.BadRequestError, lambda: ask("why?", response_format=wanted), 400, param="response_format")
    refused(openai.BadRequestError, lambda: ask(""), 400, param="messages[0].content")
    refused(openai.APIStatusError, lambda: ask("x" * 2_000_000), 413)
    refused(openai.PermissionDeniedError, lambda: ask("[fail denied]"), 403)
    error = refused(openai.InternalServerError, lambda: ask("[fail unavailable]"), 503)
    assert error.response.headers["retry-after"] == "2" and "secret" not in str(error), error
    refused(openai.InternalServerError, lambda: ask("[panic]"), 500)
    refused(openai.NotFoundError, lambda: CLIENT.embeddings.create(model="waggle", input="x"), 404)
    refused(openai.NotFoundError, lambda: CLIENT.responses.create(model="waggle", input="x"), 404)


def error_after_the_first_byte():
    def read():
        for _ in ask("[steps] [fail unavailable]", stream=True):
            pass

    error = refused(openai.APIError, read)
    assert "the store did not answer" in error.message, error


def content_in_parts():
    parts = [{"type": "text", "text": "why is"}, {"type": "text", "text": "checkout slow?"}]
    assert ask(parts).choices[0].message.content.startswith("`checkout` is slow")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    error = refused(openai.BadRequestError, lambda: ask([*parts, image]), 400, param="messages[0].content[2]")
    assert "only text is read" in error.message


def chinese():
    chunks = ask("checkout 为什么慢？", stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text.startswith("`checkout` 变慢") and "可以接着问" in text, text


def tools_of_the_client():
    tool = {"type": "function", "function": {"name": "delete_all", "parameters": {"type": "object"}}}
    choice = ask("why?", tools=[tool]).choices[0]
    assert choice.message.tool_calls is None and choice.finish_reason == "stop"
    refused(openai.BadRequestError, lambda: ask("why?", tools=[tool], tool_choice="required"), param="tool_choice")


def conversation():
    messages = [
        {"role": "system", "content": "Answer as a pirate."},
        {"role": "user", "content": "what is slow?"},
        {"role": "assistant", "content": "checkout"},
        {"role": "user", "content": "[repeat]"},
    ]
    answer = CLIENT.chat.completions.create(model="waggle", messages=messages)
    text = answer.choices[0].message.content
    for told in ["client's wish: Answer as a pirate.", "asker: what is slow?", "earlier answer: checkout"]:
        assert told in text, text


def timeouts():
    refused(openai.APITimeoutError, lambda: ask("[wait 4000] why?", CLIENT.with_options(timeout=0.5)))
    # The SDK would ask again after a 504; the server tells it not to.
    before = counts()["begun"]
    patient = CLIENT.with_options(max_retries=2)
    refused(openai.InternalServerError, lambda: ask("[wait 60000] why?", patient), 504, code="timeout")
    assert counts()["begun"] == before + 1, "it asked again"
    # Heartbeats come five times a second, so a read timeout that is longer than that does not end a slow stream.
    slow = ask("[wait 2500] why?", CLIENT.with_options(timeout=1.5), stream=True)
    assert "checkout" in "".join(chunk.choices[0].delta.content or "" for chunk in slow)


def given_up_within(seconds, more_than):
    for _ in range(int(seconds * 20)):
        now = counts()
        if now["given_up"] > more_than and now["at_work"] == 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"the work went on: {counts()}")


def disconnect_in_the_middle():
    before = counts()["given_up"]
    stream = ask("[steps] [wait 4500] why?", stream=True)
    for chunk in stream:
        if getattr(chunk.choices[0].delta, "reasoning_content", None):
            break
    stream.close()
    given_up_within(3, before)
    before = counts()["given_up"]
    refused(openai.APITimeoutError, lambda: ask("[wait 4500] why?", CLIENT.with_options(timeout=0.3)))
    given_up_within(3, before)


async def twenty_at_once():
    async with AsyncOpenAI(**SETTINGS) as client:
        rows = await client.models.list()
        assert [row.id for row in rows.data] == ["waggle"]

        async def whole(n):
            answer = await ask(f"[wait 300] why is service {n} slow?", client)
            return answer.id

        async def streamed(n):
            chunks = await ask(f"[wait 300] [steps] why is service {n} slow?", client, stream=True)
            return [chunk.id async for chunk in chunks][0]

        ids = await asyncio.gather(*(whole(n) if n % 2 else streamed(n) for n in range(20)))
        assert len(set(ids)) == 20, ids


def too_many_at_once():
    streams = [ask("[wait 4500] why?", stream=True) for _ in range(24)]
    for stream in streams:
        assert next(stream).choices[0].delta.role == "assistant", "it has its place"
    error = refused(openai.RateLimitError, lambda: ask("why?"), 429, code="rate_limit_exceeded")
    assert error.response.headers["retry-after"] == "2"
    # With the SDK's own retries the next one is answered, for it waits as long as it is told.
    answer = threading.Thread(target=lambda: answers.append(ask("why?", CLIENT.with_options(max_retries=5))))
    answers = []
    answer.start()
    for stream in streams:
        stream.close()
    answer.join(timeout=30)
    assert len(answers) == 1


def main():
    checks = [
        plain_answer, streamed_answer, stream_helper, models, exception_classes, error_after_the_first_byte,
        content_in_parts, chinese, tools_of_the_client, conversation, timeouts, disconnect_in_the_middle,
        twenty_at_once, too_many_at_once,
    ]
    for check in checks:
        result = check()
        if asyncio.iscoroutine(result):
            asyncio.run(result)
        print(f"ok  openai {openai.__version__}: {check.__name__}", flush=True)


main()
