"""Files made to hurt, and a process of its own that reads each as a worker would and tells what it took."""

import json
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

from tables.readers import sheet_child

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 300_000  # KiB above what the process takes before it reads
SECONDS = 60
# Started once; each file is read by a fork of it, with the library loaded and nothing read yet.
READER = """
import json, os, resource, signal, sys
from tables.readers import Refused, open_source
from tables.table import Column, Table
table = Table("sample", "样表", (Column("code", "代码", kind="code"), Column("name", "名称")), needs=(("code",), ("name",)))
def used(of=resource.RUSAGE_SELF): return resource.getrusage(of).ru_maxrss
before = used()  # of the fork it would leave out the library's code, which is mapped when it runs
def answer(path):
    said, rows, count = "", [], 0
    try:
        for block in open_source(path, table).blocks():
            rows += [[int(number), block.row(at)[0][:20]] for at, number in enumerate(block.numbers[:5])]
            count += len(block)
    except Refused as refused:
        said = str(refused)
    child = used(resource.RUSAGE_CHILDREN)
    return {"said": said, "rows": rows, "count": count, "memory": used() - before, "child": child}
for line in sys.stdin:
    path, seconds = json.loads(line)
    if not (pid := os.fork()):
        signal.alarm(seconds)
        with open(path + ".answer", "w") as file:
            json.dump(answer(path), file)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@cache
def reader() -> subprocess.Popen:
    command = [sys.executable, "-c", READER]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answer(path):
    """What a fresh process says of a file: refusal, some rows. It must end well, in time, in little memory."""
    asked = reader()
    print(json.dumps([str(path), SECONDS]), file=asked.stdin, flush=True)
    assert asked.stdout.readline() == "0\n", "an error, or not in time"
    answer = json.loads(Path(f"{path}.answer").read_text())
    assert answer["memory"] < MEMORY and answer["child"] * 1024 < sheet_child.MEMORY, answer
    return answer


def read(path):
    found = answer(path)
    return found["said"], found["rows"]


TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{}</Types>'
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}" Target="{}"/></Relationships>'
)
BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="表" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
HEADER = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>代码</t></is></c><c r="B1" t="inlineStr"><is><t>名称</t></is></c></row>'
)
ROW = '<row r="2"><c r="A2" t="inlineStr"><is><t>001</t></is></c><c r="B2" t="inlineStr"><is><t>甲</t></is></c></row>'
SHEET = "<worksheet>{before}<sheetData>{rows}</sheetData></worksheet>"
PADDING = {"xl/media/a.bin": bytes(range(256)) * 4000}  # so that what is packed tightly is no bomb by its ratio


def workbook(path, sheet, *, types="", prolog="", book=BOOK, more=None, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("[Content_Types].xml", TYPES.format(types))
        archive.writestr("_rels/.rels", RELATIONS.format("officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", prolog + RELATIONS.format("worksheet", "worksheets/sheet1.xml"))
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, content in (more or {}).items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name in PADDING else packing)
    return path


def sheet(rows=HEADER + ROW, before="", prolog=""):
    return prolog + SHEET.format(before=before, rows=rows)


def ods(path, rows):
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="a">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return path


def ods_row(*cells, rows=1, columns=1):
    repeated = f'table:number-columns-repeated="{columns}"'
    inner = "".join(
        f'<table:table-cell office:value-type="string" {repeated}><text:p>{cell}</text:p></table:table-cell>'
        for cell in cells
    )
    return f'<table:table-row table:number-rows-repeated="{rows}">{inner}</table:table-row>'
