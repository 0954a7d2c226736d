"""What tests of ``deploy/kubernetes`` share: reading its manifests, and what all pods must hold."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("small", "production")
KUBERNETES = ("1.30", "1.37")


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def kustomization(directory: Path) -> dict[str, Any]:
    [content] = documents(directory / "kustomization.yaml")
    return content


def manifests(directory: Path) -> list[dict[str, Any]]:
    """What a directory itself brings, without what it takes from others."""
    files = (directory / name for name in kustomization(directory)["resources"])
    return [each for file in files if file.is_file() for each in documents(file)]


def challenges(overlay: str) -> list[Path]:
    return sorted(
        each.parent for each in (ROOT / "overlays" / overlay).glob("*/kustomization.yaml")
    )


def check(manifest: dict[str, Any], versions: tuple[str, ...] = KUBERNETES) -> None:
    for version in versions:
        kubernetes_validate.validate(manifest, version, strict=True)


def require_contained(pod: dict[str, Any]) -> None:
    """Not root, no rights to gain, nothing to write to but its own volumes; bounded."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"] is True
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
