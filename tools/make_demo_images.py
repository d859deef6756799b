"""Make the pictures in docs/images: ``python tools/make_demo_images.py``, on an idle machine.

They are what ``cnnbp demo`` draws of its LeNet, and what it shows on a terminal of 80 columns.
"""

import io
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from cnnbp import data
from cnnbp.cli.illustration import save_picture
from cnnbp.cli.plan import LENET, TOOLBOX
from cnnbp.cli.session import run
from cnnbp.cli.views import RichView

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main():
    console = Console(file=io.StringIO(), record=True, width=80, markup=False, highlight=False)
    console.print("$ cnnbp demo", style="bold")
    view = RichView(console)
    with TemporaryDirectory() as folder:
        for report in run([TOOLBOX, LENET], data.digits(), view):
            picture = save_picture(report, Path(folder))
            view.tell("picture", str(Path("cnnbp-demo") / picture.name))
            if report.plan.name == LENET.name:
                (IMAGES / "demo.png").write_bytes(picture.read_bytes())
    svg = console.export_svg(title="cnnbp demo")
    # Its font comes from another host, which a page that shows the picture may not ask.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (IMAGES / "terminal.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
