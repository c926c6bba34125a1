"""What config/container promises of the image and its jobs, as far as it can be read off the files."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it

from bulksend.base.errors import ExitCode
from bulksend.cli.app import COMMANDS
from bulksend.config.keys import known_rules
from bulksend.config.layers import COMMAND_LINE_VARIABLES
from bulksend.config.load import load_settings
from bulksend.config.model import IDENTITIES, AwsSettings
from bulksend.config.names import ENVIRONMENT_PREFIX, environment_name
from bulksend.pipeline.copies import FINAL_S
from tests.container.dockerfile import FOLDER, last, steps, variables

SUMMING_UP_S = 10.0
"""Between the last answer and the end, beside the last copy, at most."""

KNOWN = {environment_name(key) for key in (*known_rules(), IDENTITIES)} | set(COMMAND_LINE_VARIABLES)


def documents(name: str) -> dict[str, Any]:
    """The objects of a Kubernetes file by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((FOLDER / name).read_text())}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and specification of both kinds of job."""
    yield "kubernetes-job.yaml", documents("kubernetes-job.yaml")["Job"]["spec"]
    yield "kubernetes-cronjob.yaml", documents("kubernetes-cronjob.yaml")["CronJob"]["spec"]["jobTemplate"]["spec"]


def task() -> dict[str, Any]:
    """The definition of the task of ECS."""
    found: dict[str, Any] = json.loads((FOLDER / "ecs-task-definition.json").read_text())
    return found


def containers() -> list[Any]:
    """Arguments, variables and seconds until the kill of every container."""
    found = []
    for name, job in jobs():
        pod = job["template"]["spec"]
        (container,) = pod["containers"]
        env = {each["name"]: each.get("value", "job-1") for each in container["env"]}
        env = {key: value.replace("$(JOB)", env.get("JOB", "")) for key, value in env.items()}
        found.append(pytest.param(container["args"], env, pod["terminationGracePeriodSeconds"], id=name))
    (container,) = task()["containerDefinitions"]
    env = {each["name"]: each["value"] for each in container["environment"]}
    env |= {each["name"]: '[{"id": "+18885550100", "mps": 3}]' for each in container["secrets"]}
    found.append(pytest.param(container["command"], env, container["stopTimeout"], id="ecs-task-definition.json"))
    return found


@pytest.mark.parametrize(("arguments", "env", "grace_s"), containers())
def test_a_container_is_a_whole_campaign(arguments: list[str], env: Mapping[str, str], grace_s: float) -> None:
    """Its variables exist and make complete settings, its flags exist, and a stop ends before the kill."""
    ours = {name: value for name, value in env.items() if name.startswith(ENVIRONMENT_PREFIX)}
    assert ours.keys() <= KNOWN
    settings = load_settings(None, environ={**variables(), **ours})
    assert settings.ledger.copy_to == f"s3://my-bucket/ledgers/{settings.campaign.name}.db"
    assert settings.identities
    assert settings.aws.stop_grace_s == AwsSettings().stop_grace_s
    assert settings.aws.stop_grace_s + FINAL_S + SUMMING_UP_S <= grace_s <= 120  # what Fargate allows at most
    assert "credential" not in json.dumps(ours).lower()
    name, given, *flags = arguments
    assert name in COMMANDS
    assert given.startswith("s3://")
    assert {"--yes", "--json"} == set(flags)


@pytest.mark.parametrize(("name", "job"), [*jobs()], ids=("job", "cronjob"))
def test_only_what_can_go_on_is_tried_again(name: str, job: Mapping[str, Any]) -> None:
    """Every exit code but "complete" and "interrupted" ends the job; a lost node counts for nothing."""
    del name
    (disruption, failing) = job["podFailurePolicy"]["rules"]
    assert disruption == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert failing["action"] == "FailJob"
    assert failing["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]
    assert set(failing["onExitCodes"]["values"]) == {*ExitCode} - {ExitCode.COMPLETE, ExitCode.INTERRUPTED}
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["backoffLimit"] > 0


@pytest.mark.parametrize(("name", "job"), [*jobs()], ids=("job", "cronjob"))
def test_pods_may_do_nothing_that_they_need_not(name: str, job: Mapping[str, Any]) -> None:
    """Not root, no capability, one place to write: the volume of the image; probes ask what listens."""
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == last("USER")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [last("WORKDIR")]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert env["BULKSEND_TELEMETRY_METRICS_PORT"] == str(container["ports"][0]["containerPort"])
    asked = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert asked == {"/healthz", "/readyz"}
    if name == "kubernetes-cronjob.yaml":
        assert documents(name)["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


def test_the_task_and_its_schedule() -> None:
    """The task may do no more than the pods, and the schedule runs that very task, with variables that exist."""
    definition = task()
    (container,) = definition["containerDefinitions"]
    assert container["readonlyRootFilesystem"] is True
    assert container["user"] == last("USER")
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    (mount,) = container["mountPoints"]
    assert (mount["containerPath"], mount["readOnly"]) == (last("WORKDIR"), False)
    assert [volume["name"] for volume in definition["volumes"]] == [mount["sourceVolume"]]
    assert container["logConfiguration"]["logDriver"] == "awslogs"
    schedule = json.loads((FOLDER / "eventbridge-schedule.json").read_text())
    target = schedule["Target"]
    assert target["EcsParameters"]["TaskDefinitionArn"].endswith(f":task-definition/{definition['family']}")
    assert target["EcsParameters"]["LaunchType"] in definition["requiresCompatibilities"]
    (override,) = json.loads(target["Input"])["containerOverrides"]
    assert override["name"] == container["name"]
    env = {each["name"]: each["value"] for each in override["environment"]}
    assert env.keys() <= KNOWN
    ours = {each["name"]: each["value"] for each in container["environment"] if each["name"] in KNOWN}
    ours["BULKSEND_IDENTITIES"] = '[{"id": "+18885550100", "mps": 3}]'
    assert load_settings(None, environ=ours | env).schedule.deadline


def test_the_files_of_aws_are_what_its_clients_accept() -> None:
    """Definition and schedule have the shapes of `RegisterTaskDefinition` and `CreateSchedule`, as the SDK has them."""
    from botocore.session import Session
    from botocore.validate import ParamValidator

    for service, operation, name in (
        ("ecs", "RegisterTaskDefinition", "ecs-task-definition.json"),
        ("scheduler", "CreateSchedule", "eventbridge-schedule.json"),
    ):
        shape = Session().get_service_model(service).operation_model(operation).input_shape
        report = ParamValidator().validate(json.loads((FOLDER / name).read_text()), shape)
        assert not report.has_errors(), report.generate_report()


def test_the_image_is_small_and_says_who_it_runs_as() -> None:
    """Two stages, of which the last gets what the first has made; no shell to start it, and no root."""
    assert {step.stage for step in steps()} == {0, 1}
    assert json.loads(last("ENTRYPOINT")) == ["bulksend"]
    assert last("STOPSIGNAL") == "SIGTERM"
    uid, _, gid = last("USER").partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    env = variables()
    assert {name for name in env if name.startswith(ENVIRONMENT_PREFIX)} <= KNOWN
    assert env["TMPDIR"] == last("WORKDIR") == "/data"
    assert not [step for step in steps() if step.stage == 1 and step.name == "RUN"]
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    copied = {word for step in steps() if step.name == "COPY" and step.stage == 0 for word in step.words.split()[:-1]}
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert "*" in ignored
