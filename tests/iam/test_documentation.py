from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "lab" / "iam.md").read_text()
    for name in (
        *("test_decide.py", "test_patterns.py", "test_conditions.py", "test_needed.py"),
        "test_services.py",
    ):
        assert name in text
        assert (ROOT / "tests" / "iam" / name).exists()
    guarded = (ROOT / "tests" / "iam" / "test_guard.py").read_text()
    for part in text.split("test_guard.py::")[1:]:
        assert f"def {part.split('`')[0]}(" in guarded
    for path in (
        "lab/test_permissions.py",
        "synth/test_deployer_role.py",
        "synth/test_least_privilege.py",
    ):
        assert f"tests/{path}" in text
        assert (ROOT / "tests" / path).exists()
