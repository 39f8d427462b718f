"""A PDF leads to its pages, holds nothing that acts, and shows markup of Typst as text."""

from __future__ import annotations

import io

from pypdf import PdfReader
from tests.unit.reports.made import case, everything, run_of

from vexlab.model.verdict import Verdict
from vexlab.report import pdf
from vexlab.report.content import Content


def test_a_pdf_has_contents_page_numbers_and_nothing_that_acts() -> None:
    data = pdf.render(everything("A" * 1000))
    reader = PdfReader(io.BytesIO(data))
    titles = [str(each["/Title"]) for each in reader.outline if not isinstance(each, list)]
    assert titles == [
        "1 Summary", "2 Charts", "3 Distinct problems", "4 Matrix", "5 What the target can do", "6 Environment",
        "A Appendix: the cases",
    ]  # fmt: skip
    assert all(f"{number} of {len(reader.pages)}" in reader.pages[number - 1].extract_text()
               for number in range(2, len(reader.pages) + 1))  # fmt: skip
    links = [link.get_object() for each in reader.pages for link in each.get("/Annots", ())]
    assert links, "the contents lead to their pages"
    assert not [link for link in links if "/Dest" not in link]
    for word in (b"/JavaScript", b"/Launch", b"/URI", b"/EmbeddedFile", b"/OpenAction"):
        assert word not in data
    assert not [each for page in reader.pages for each in page.images], "charts are vectors"


def test_markup_of_typst_is_text() -> None:
    words = '#read("/etc/passwd") $x^2$ *b* _i_ @ref <label> = head \n#panic("x") ` ``` // /* \\u{41}'
    cases = (case("hostile", Verdict.FAILED, words), case("typst#eval(1)", Verdict.FAILED, words))
    reader = PdfReader(io.BytesIO(pdf.render(Content.of(run_of(cases)))))
    text = "".join("".join(page.extract_text() for page in reader.pages).split()).replace("\u200b", "")
    assert "".join(words.split()) in text
    assert "typst#eval(1)" in text
