import base64
import io
import math
import struct
import wave
import zlib

import pytest
from PIL import Image

from tests.sandbox.asking import MODEL, Sandbox, deltas, text_of, usage_of
from wisqu.sandbox.documents import text_of as text_of_pdf

PAINTER = "google/gemini-2.5-flash-image"
EMBEDDER = "openai/text-embedding-3-small"


def picture(data: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(data.partition("base64,")[2] or data)))
    image.load()
    return image


def pdf(text: str) -> str:
    stream = zlib.compress(f"BT /F1 12 Tf ({text}) Tj ET".encode())
    raw = b"%PDF-1.4\n1 0 obj\n<< >>\nstream\n" + stream + b"\nendstream\nendobj\n%%EOF"
    return "data:application/pdf;base64," + base64.b64encode(raw).decode()


def attached(text: str) -> list[dict[str, object]]:
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": pdf(text)}}
    return [{"role": "user", "content": [file, {"type": "text", "text": "[[pace:fast]] [[words:2]]"}]}]


def wav(seconds: int) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000 * seconds)
    return target.getvalue()


# --- Images ---------------------------------------------------------------------------------------


def test_a_chat_can_answer_with_a_picture(box: Sandbox) -> None:
    message = box.complete("A star", model=PAINTER, modalities=["image", "text"])["choices"][0]["message"]
    assert picture(message["images"][0]["image_url"]["url"]).size == (512, 512)
    assert message["content"]


def test_a_streamed_picture_comes_with_the_finish_and_is_charged(box: Sandbox) -> None:
    events = box.events("A star", model=PAINTER, modalities=["image"])
    (choice,) = [c for event in events for c in event["choices"] if c["delta"].get("images")]
    assert choice["finish_reason"] == "stop"
    assert text_of(events) == ""
    assert usage_of(events)["completion_tokens_details"]["image_tokens"] == 1290


def test_a_big_picture_is_one_line_of_megabytes(box: Sandbox) -> None:
    raw = box.raw("[[image:big]]", model=PAINTER, modalities=["image"])
    assert max(map(len, raw.split(b"\n"))) > 5_000_000
    assert picture(
        deltas(box.events("[[image:big]]", model=PAINTER, modalities=["image"]), "images")[0]["image_url"][
            "url"
        ]
    )


def test_a_model_without_pictures_is_refused(box: Sandbox) -> None:
    assert box.post("A star", modalities=["image"]).status_code == 404
    assert box.client.post("/images", json={"model": MODEL, "prompt": "x"}).status_code == 404


def drawn(box: Sandbox, **fields: object) -> dict[str, object]:
    request = {"model": "black-forest-labs/flux.2-pro", "prompt": "A star [[pace:fast]]", **fields}
    response = box.client.post("/images", json=request)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_image_endpoint_draws_the_wished_number_and_size(box: Sandbox) -> None:
    reply = drawn(box, n=2, aspect_ratio="16:9", resolution="512")
    assert [picture(each["b64_json"]).size for each in reply["data"]] == [(512, 288)] * 2
    assert reply["data"][0]["b64_json"] != reply["data"][1]["b64_json"]


def test_pictures_are_the_same_for_the_same_prompt(box: Sandbox) -> None:
    assert drawn(box, size="96x96")["data"] == drawn(box, size="96x96")["data"]
    assert drawn(box, size="96x96")["data"] != drawn(box, size="96x96", prompt="Moon [[pace:fast]]")["data"]


def test_megapixels_are_charged(box: Sandbox) -> None:
    assert drawn(box, size="1024x1024")["usage"]["cost"] == 0.03
    assert drawn(box, size="2048x1024")["usage"]["cost"] == 0.045


def test_a_failed_picture_is_not_charged(box: Sandbox) -> None:
    request = {"model": PAINTER, "prompt": "A star [[fault:502]]"}
    assert box.client.post("/images", json=request).status_code == 502
    assert (box.last()["outcome"], box.last()["cost"]) == ("failed", 0)


@pytest.mark.parametrize(
    "wrong", [{"prompt": ""}, {"n": 0}, {"size": "9x"}, {"aspect_ratio": "a:b"}, {"resolution": "9K"}]
)
def test_a_nonsensical_picture_is_400(box: Sandbox, wrong: dict[str, object]) -> None:
    request = {"model": PAINTER, "prompt": "x", **wrong}
    assert box.client.post("/images", json=request).status_code == 400


# --- Files and the web ----------------------------------------------------------------------------


def test_a_pdf_is_annotated_with_its_text_unless_the_model_reads_it_itself(box: Sandbox) -> None:
    reply = box.complete(attached("Salam world"), model="deepseek/deepseek-v3.2")
    (annotation,) = reply["choices"][0]["message"]["annotations"]
    assert annotation["file"]["name"] == "a.pdf"
    assert "Salam world" in annotation["file"]["content"][1]["text"]
    assert "annotations" not in box.complete(attached("Salam world"))["choices"][0]["message"]


def test_parsing_costs_by_the_page_and_only_with_ocr(box: Sandbox) -> None:
    def fee(engine: str) -> float:
        plugin = {"id": "file-parser", "pdf": {"engine": engine}}
        usage = box.complete(attached("x"), plugins=[plugin])["usage"]
        return round(usage["cost"] - usage["cost_details"]["upstream_inference_cost"], 9)

    assert [fee(engine) for engine in ("mistral-ocr", "cloudflare-ai", "native")] == [0.002, 0, 0]


def test_annotations_sent_back_save_a_second_parsing(box: Sandbox) -> None:
    plugins = [{"id": "file-parser", "pdf": {"engine": "mistral-ocr"}}]
    first = attached("x")
    message = box.complete(first, plugins=plugins)["choices"][0]["message"]
    again = [*first, message, {"role": "user", "content": "[[pace:fast]] more"}]
    reply = box.complete(again, plugins=plugins)
    assert "annotations" not in reply["choices"][0]["message"]
    assert reply["usage"]["cost"] == reply["usage"]["cost_details"]["upstream_inference_cost"]


def test_text_of_pdfs_is_read_from_both_ways_of_showing_it() -> None:
    assert text_of_pdf(b"stream\n(one \\(1\\)) Tj [(t) -20 (wo)] TJ\nendstream") == "one (1) two"
    assert text_of_pdf(b"no pdf") == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"plugins": [{"id": "web"}]},
        {"tools": [{"type": "openrouter:web_search"}]},
        {"model": f"{MODEL}:online"},
    ],
)
def test_a_web_search_cites_its_sources_in_the_text(box: Sandbox, fields: dict[str, object]) -> None:
    events = box.events("[[reply:It is so.]]", **fields)
    text = text_of(events)
    citations = [each["url_citation"] for each in deltas(events, "annotations")]
    assert len(citations) == 3
    for each in citations:
        assert text[each["start_index"] : each["end_index"]] == f"[{each['title']}]({each['url']})"


@pytest.mark.parametrize(
    "fields",
    [
        {"plugins": [{"id": "web", "max_results": 9, "include_domains": ["example.com"]}]},
        {
            "tools": [
                {
                    "type": "openrouter:web_search",
                    "parameters": {"max_results": 9, "allowed_domains": ["example.com"]},
                }
            ]
        },
    ],
)
def test_a_search_keeps_to_the_domains(box: Sandbox, fields: dict[str, object]) -> None:
    found = [each["url_citation"]["url"] for each in deltas(box.events("News?", **fields), "annotations")]
    assert found == ["https://example.com/library?page=2", "https://example.com/archive"]


def test_a_search_has_its_fee(box: Sandbox) -> None:
    usage = box.complete("[[words:1]]", plugins=[{"id": "web", "max_results": 1}])["usage"]
    assert usage["server_tool_use_details"] == {"web_search_requests": 1}
    assert math.isclose(usage["cost"] - usage["cost_details"]["upstream_inference_cost"], 0.007)


def test_citations_may_be_without_title_and_place(box: Sandbox) -> None:
    events = box.events("[[citations:empty]] [[words:1]]", plugins=[{"id": "web"}])
    first = deltas(events, "annotations")[0]["url_citation"]
    assert (first["title"], first["start_index"], first["end_index"]) == ("", 0, 0)


# --- Audio and embeddings -------------------------------------------------------------------------


def test_a_wav_is_charged_by_its_seconds(box: Sandbox) -> None:
    audio = {"data": base64.b64encode(wav(3)).decode(), "format": "wav"}
    reply = box.client.post(
        "/audio/transcriptions", json={"model": "openai/whisper-1", "input_audio": audio}
    ).json()
    assert reply["usage"] == {"seconds": 3, "cost": 0.0003}
    assert reply["text"]


def test_a_form_with_a_file_is_transcribed_in_the_wished_language(box: Sandbox) -> None:
    fields = {"model": "openai/gpt-4o-mini-transcribe", "language": "fa", "response_format": "verbose_json"}
    files = {"file": ("a.wav", wav(2), "audio/wav")}
    reply = box.client.post("/audio/transcriptions", data=fields, files=files).json()
    assert (reply["language"], reply["duration"]) == ("fa", 2)
    assert "نمونه" in reply["text"]
    assert reply["usage"]["input_tokens"] == 20


def test_a_transcription_can_be_given_and_can_fail(box: Sandbox) -> None:
    def ask(prompt: str) -> tuple[int, str]:
        files = {"file": ("a.mp3", b"x" * 99, "audio/mpeg")}
        fields = {"model": "openai/whisper-1", "prompt": prompt}
        response = box.client.post("/audio/transcriptions", data=fields, files=files)
        return response.status_code, response.json().get("text", "")

    assert ask("[[reply:متن من]]") == (200, "متن من")
    assert ask("[[fault:503]]") == (503, "")


@pytest.mark.parametrize(
    ("audio", "status"),
    [
        ({"data": "!", "format": "mp3"}, 400),
        ({"data": "AAAA", "format": "exe"}, 400),
        ({"data": "", "format": "mp3"}, 400),
        ("x", 400),
    ],
)
def test_wrong_audio_is_refused(box: Sandbox, audio: object, status: int) -> None:
    request = {"model": "openai/whisper-1", "input_audio": audio}
    assert box.client.post("/audio/transcriptions", json=request).status_code == status


def vectors(box: Sandbox, texts: list[str], **fields: object) -> list[list[float]]:
    request = {"model": EMBEDDER, "input": texts, **fields}
    return [each["embedding"] for each in box.client.post("/embeddings", json=request).json()["data"]]


def test_embeddings_of_like_texts_are_near_each_other(box: Sandbox) -> None:
    one, like, other = vectors(box, ["the light of dawn", "the light of day", "seven ripe figs"])
    assert math.isclose(sum(x * x for x in one), 1.0)
    near = sum(x * y for x, y in zip(one, like, strict=True))
    assert near > 0.5 > sum(x * y for x, y in zip(one, other, strict=True))


def test_embeddings_come_as_base64_too(box: Sandbox) -> None:
    (floats,) = vectors(box, ["light"], dimensions=64)
    (packed,) = vectors(box, ["light"], dimensions=64, encoding_format="base64")
    assert struct.unpack("<64f", base64.b64decode(packed)) == pytest.approx(floats, abs=1e-6)


def test_wrong_embeddings_are_400(box: Sandbox) -> None:
    for wrong in ({"input": []}, {"input": [1]}, {"input": "x", "dimensions": 0}, {}):
        assert box.client.post("/embeddings", json={"model": EMBEDDER, **wrong}).status_code == 400
