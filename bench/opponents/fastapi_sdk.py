"""What one writes first: FastAPI, the `openai` SDK, a chunk object for each token. No users, no storage.

Run by uvicorn as `bench.opponents.fastapi_sdk:app`, with OPENROUTER_BASE_URL set.
"""

import json
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

app = FastAPI()
client = AsyncOpenAI(
    api_key="sk-or-bench", base_url=os.environ.get("OPENROUTER_BASE_URL", "http://127.0.0.1:9")
)


class Question(BaseModel):
    message: str


@app.post("/chat")
async def chat(question: Question) -> StreamingResponse:
    return StreamingResponse(answer(question.message), media_type="text/event-stream")


async def answer(message: str) -> AsyncIterator[str]:
    stream = await client.chat.completions.create(
        model="openai/gpt-4o-mini", messages=[{"role": "user", "content": message}], stream=True
    )
    async for chunk in stream:
        text = chunk.choices[0].delta.content if chunk.choices else None
        if text:
            yield f"data: {json.dumps({'content': text})}\n\n"
    yield "data: [DONE]\n\n"
