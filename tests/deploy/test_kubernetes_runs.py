"""The Dagster instance of ``deploy/kubernetes``, and the job that a run becomes there."""

import importlib
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import RepositoryPythonOrigin
from dagster._serdes import ConfigurableClassData
from dagster_k8s import K8sRunLauncher
from kubernetes.client import ApiClient

from coordinator_pipelines.stack.instance.file import TEMPLATES
from tests.deploy.manifests import (
    OVERLAYS,
    ROOT,
    challenges,
    check,
    documents,
    kustomization,
    require_contained,
)


@pytest.fixture
def instance_ref(monkeypatch: pytest.MonkeyPatch) -> InstanceRef:
    """The instance of ``base/dagster.yaml``, checked by Dagster."""
    url = "postgresql+psycopg2://user@nowhere/dagster"
    monkeypatch.setenv("COORDINATOR_DAGSTER_DATABASE_URL", url)
    return InstanceRef.from_dir(str(ROOT / "base"))


def test_dagster_takes_the_configuration_of_the_instance_and_of_all_its_parts(
    instance_ref: InstanceRef,
):
    instance_class = instance_ref.custom_instance_class_data
    assert instance_class is not None
    assert instance_class.class_name == "PatientInstance"
    parts = [
        part
        for part in instance_ref
        if isinstance(part, ConfigurableClassData) and part is not instance_class
    ]
    assert "K8sRunLauncher" in {part.class_name for part in parts}
    for part in parts:
        module = importlib.import_module(part.module_name)
        one = getattr(module, part.class_name)
        evaluated = process_config(one.config_type(), part.config_dict)
        assert evaluated.success, evaluated.errors


def test_but_for_where_runs_are_it_is_the_instance_of_one_machine():
    [here] = documents(ROOT / "base" / "dagster.yaml")
    [local] = documents(TEMPLATES / "dagster.yaml")
    own = {"run_launcher", "run_monitoring"}
    assert {key: here.get(key) for key in local.keys() - own} == {
        key: local[key] for key in local.keys() - own
    }


class Jobs:
    """Kubernetes, as far as a launcher asks it: takes jobs."""

    def __init__(self) -> None:
        self.created: list[Any] = []

    def create_namespaced_job(self, body: Any, namespace: str, **_: Any) -> None:
        self.created.append((namespace, body))


@dg.op
def nothing() -> None:
    """An op that does nothing."""


@dg.job
def small_job() -> None:
    """A run to launch."""
    nothing()


def test_a_run_becomes_a_job_of_its_challenge_that_is_contained(
    instance_ref: InstanceRef, tmp_path: Path
):
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "here", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    users = [{"name": "me", "user": {}}]
    known = {"clusters": [cluster], "contexts": [context], "users": users}
    kubeconfig.write_text(yaml.safe_dump({**known, "current-context": "here"}))
    config = process_config(
        K8sRunLauncher.config_type(), instance_ref.run_launcher_data.config_dict
    ).value
    jobs = Jobs()
    outside = {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    launcher = K8sRunLauncher(**{**config, **outside}, k8s_client_batch_api=jobs)
    [environment] = kustomization(challenges("small")[0])["configMapGenerator"]
    told = dict(each.split("=", 1) for each in environment["literals"])
    recon = dg.reconstructable(small_job)
    origin = recon.get_python_origin()
    repository = RepositoryPythonOrigin(
        origin.repository_origin.executable_path,
        origin.repository_origin.code_pointer,
        container_image="registry.example/btc-up-down:1",
        container_context=json.loads(told["DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT"]),
    )
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        launcher.register_instance(instance)
        run = instance.create_run_for_job(
            small_job, job_code_origin=origin._replace(repository_origin=repository)
        )
        launcher.launch_run(LaunchRunContext(run, workspace=None))
    [(namespace, job)] = jobs.created
    manifest = ApiClient().sanitize_for_serialization(job)
    check(manifest)
    pod = manifest["spec"]["template"]["spec"]
    require_contained(pod)
    [container] = pod["containers"]
    assert container["image"] == "registry.example/btc-up-down:1"
    sources = [next(iter(each.values()))["name"] for each in container["envFrom"]]
    assert set(sources) == {
        "settings", "dagster-database", "btc-up-down-environment", "btc-up-down-secrets",
    }  # fmt: skip
    assert pod["serviceAccountName"] == "run"
    assert pod["automountServiceAccountToken"] is False
    assert manifest["spec"]["template"]["metadata"]["labels"]["coordinator"] == "run"
    assert {kustomization(ROOT / "overlays" / each)["namespace"] for each in OVERLAYS} == {
        namespace
    }
