"""LangChain against the OpenAI-compatible face: `openai_langchain.py URL`. The server is the same as for `openai_client.py`."""

import sys

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

URL = sys.argv[1]


def model(**settings):
    return ChatOpenAI(
        model="waggle", base_url=f"{URL}/v1", api_key="test-token", max_retries=0, timeout=20, **settings
    )


def invoke():
    told = [
        SystemMessage("Answer as a pirate."), HumanMessage("what is slow?"), AIMessage("checkout"),
        HumanMessage("[repeat]"),
    ]
    answer = model(temperature=0.2, max_tokens=50).invoke(told)
    assert "earlier answer: checkout" in answer.content, answer
    assert answer.usage_metadata["total_tokens"] == 1280, answer.usage_metadata
    assert answer.response_metadata["finish_reason"] == "stop"


def stream():
    chunks = list(model(stream_usage=True).stream("[steps] checkout 为什么慢？"))
    assert "".join(chunk.content for chunk in chunks).startswith("`checkout` 变慢")
    assert sum(chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata) == 1280


def tools_are_never_called():
    def delete_all(what: str) -> str:
        """Deletes all."""
        raise AssertionError(what)

    answer = model().bind_tools([delete_all]).invoke("why?")
    assert answer.tool_calls == [] and answer.content.startswith("`checkout` is slow"), answer


def stops():
    assert model(stop_sequences=["p99"]).invoke("why?").content.strip() == "`checkout` is slow:"


def structured_output_is_refused():
    schema = {"title": "finding", "type": "object", "properties": {"service": {"type": "string"}}}
    for method in ["json_schema", "function_calling"]:
        try:
            model().with_structured_output(schema, method=method).invoke("why?")
        except openai.BadRequestError as error:
            assert error.param in ("response_format", "tool_choice"), error
        else:
            raise AssertionError(f"`{method}` was not refused")


for check in [invoke, stream, tools_are_never_called, stops, structured_output_is_refused]:
    check()
    print(f"ok  langchain-openai: {check.__name__}", flush=True)
