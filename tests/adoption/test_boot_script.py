"""The boot script of docs/adoption.md, run as it stands there; only EC2 and S3 are stood in for."""

import os
import subprocess
import tarfile
from pathlib import Path

from tests.documents.reading import page

STAND_INS = {
    "curl": """
        url=${!#}
        [[ $url == http://169.254.169.254/latest/* ]] || exit 7
        if [[ $url == */api/token ]]; then
          [[ " $* " == *" PUT "* && " $* " == *"token-ttl-seconds: "* ]] && echo TOKEN
        else
          [[ " $* " == *"X-aws-ec2-metadata-token: TOKEN"* ]] || exit 22
          [[ $url == */meta-data/tags/instance/* ]] && cat "$EC2/${url##*/}"
        fi""",
    "aws": '[[ "$*" == "s3 cp s3://releases/web/v2.tar.gz -" ]] && cat "$EC2/object"',
}


def test_it_installs_what_the_tags_name(tmp_path: Path) -> None:
    tools, disk = tmp_path / "bin", tmp_path / "disk"
    for folder in (tools, disk):
        folder.mkdir()
    for name, body in STAND_INS.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    (tmp_path / "deployer:release").write_text("v2")
    (tmp_path / "deployer:artifact").write_text("s3://releases/web/v2.tar.gz")
    (tmp_path / "app.py").write_text("print('v2')\n")
    with tarfile.open(tmp_path / "object", "w:gz") as packed:
        packed.add(tmp_path / "app.py", "app.py")
    (script,) = (each.text for each in page("docs/adoption.md").blocks if each.language == "bash")
    assert script.count("/srv/web") == 1
    moved = script.replace("/srv/web", str(disk))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'{moved}\necho "$release"'], check=False, text=True,
        env={"PATH": f"{tools}:{os.environ['PATH']}", "EC2": str(tmp_path)},
        capture_output=True, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "v2\n", "")
    assert (disk / "app.py").read_text() == "print('v2')\n"
