from pathlib import Path

import pytest

from bulksend.base.errors import ConfigError
from bulksend.config.keys import known_rules
from bulksend.config.layers import COMMAND_LINE_VARIABLES, from_environment, with_overrides
from bulksend.config.model import IDENTITIES
from bulksend.config.names import environment_name

# As text, and as the model keeps it; one for every key that there is.
SAMPLES: dict[str, tuple[str, object]] = {
    "campaign.name": ("42", "42"),
    "campaign.template": ("Hi, {{ name }}\nbye ", "Hi, {{ name }}\nbye "),
    "campaign.template_file": ("a,b.txt", "a,b.txt"),
    "campaign.message_type": ("PROMOTIONAL", "PROMOTIONAL"),
    "campaign.configuration_set": ("", None),
    "campaign.keyword": ("ACME", "ACME"),
    "campaign.max_price": ("0.05", "0.05"),
    "campaign.time_to_live": ("90", "90"),
    "campaign.protect_configuration_id": ("protect-1", "protect-1"),
    "campaign.message_feedback": ("off", False),
    "campaign.dry_run": (" TRUE", True),
    "campaign.context": ('{"team": "crm"}', {"team": "crm"}),
    "campaign.country_parameters": ("", {}),
    "recipients.phone": ("Mobile", "Mobile"),
    "recipients.body": ("text", "text"),
    "recipients.identity": ("", ""),
    "recipients.default_country": ("us", "US"),
    "recipients.validity": ("possible", "possible"),
    "recipients.duplicates": ("send", "send"),
    "recipients.suppress": ("a.txt, b.txt,", ("a.txt", "b.txt")),
    "recipients.not_in": ("a.db,b.db", ("a.db", "b.db")),
    "recipients.opted_out_file": ("opted-out.txt", "opted-out.txt"),
    "recipients.time_zone": ("zone", "zone"),
    "recipients.encoding": ("utf-16", "utf-16"),
    "recipients.delimiter": ("Tab", "\t"),
    "aws.region": ("eu-west-2", "eu-west-2"),
    "aws.profile": ("default", "default"),
    "aws.endpoint_url": ("https://[::1]:8021/x", "https://[::1]:8021/x"),
    "aws.connect_timeout_s": ("5", 5.0),
    "aws.read_timeout_s": ("1e2", 100.0),
    "aws.max_concurrency": (" 12 ", 12),
    "aws.stop_grace_s": ("10", 10.0),
    "aws.transport": ("sdk", "sdk"),
    "aws.check_identities": ("no", False),
    "pacing.headroom": ("0.5", 0.5),
    "pacing.dry_run_mps": ("3", 3),
    "pacing.requests_per_second": ("40", 40),
    "retry.base_s": (".5", 0.5),
    "retry.cap_s": ("5.", 5.0),
    "retry.give_up_after_s": ("60", 60.0),
    "retry.on_unknown": ("resend", "resend"),
    "schedule.start_at": ("2026-11-27T09:00", "2026-11-27T09:00"),
    "schedule.deadline": ("2026-11-27T20:00+01:00", "2026-11-27T20:00+01:00"),
    "schedule.windows": ("mon-fri 09:00-20:00, sat 10:00-16:00", ("mon-fri 09:00-20:00", "sat 10:00-16:00")),
    "schedule.quiet_hours": ("21:00-08:00", "21:00-08:00"),
    "schedule.time_zone": ("Europe/Berlin", "Europe/Berlin"),
    "schedule.wait": ("false", False),
    "canary.messages": ("50", 50),
    "canary.max_failed": ("0.1", 0.1),
    "canary.max_opted_out": ("0", 0.0),
    "canary.max_undelivered": ("1", 1.0),
    "canary.events": ("events,s3://bucket/events/", ("events", "s3://bucket/events/")),
    "canary.events_wait_s": ("60", 60.0),
    "guard.max_share": (".3", 0.3),
    "guard.of_messages": ("100", 100),
    "guard.action": ("stop", "stop"),
    "pricing.file": ("prices.toml", "prices.toml"),
    "pricing.max_total": ("250.00", "250.00"),
    "ledger.copy_to": ("s3://bucket/sale.db", "s3://bucket/sale.db"),
    "ledger.copy_every_s": ("60", 60.0),
    "telemetry.metrics_port": ("9100", 9100),
    "telemetry.metrics_host": ("::1", "::1"),
    "telemetry.opentelemetry": ("yes", True),
}


def test_there_is_a_sample_of_every_key() -> None:
    """No key is left out of the tests below."""
    assert list(SAMPLES) == list(known_rules())


@pytest.mark.parametrize("key", SAMPLES)
def test_text_becomes_the_type_of_its_key(key: str) -> None:
    """Strings are taken as they are, all else is converted; a variable and a flag mean the same."""
    text, value = SAMPLES[key]
    by_variable = from_environment({environment_name(key): text})
    by_flag = with_overrides({}, [f"{key}={text}"])
    assert {name: given.value for name, given in by_variable.items()} == {key: value}
    assert {name: given.value for name, given in by_flag.items()} == {key: value}
    assert type(by_flag[key].value) is type(value)
    assert (by_variable[key].source.label, by_flag[key].source.label) == (
        f"environment variable {environment_name(key)}",
        "--set",
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"BULKSEND_PACING_HEADROOM": "much"}, "pacing.headroom must be a number from 0 to 0.9"),
        ({"BULKSEND_PACING_HEADROOM": "nan"}, "pacing.headroom must be a number from 0 to 0.9, not inf"),
        ({"BULKSEND_PACING_HEADROOM": ""}, "pacing.headroom must be a number from 0 to 0.9"),
        ({"BULKSEND_AWS_MAX_CONCURRENCY": "1.5"}, "aws.max_concurrency must be a whole number from 0 to 10000"),
        ({"BULKSEND_CAMPAIGN_DRY_RUN": "maybe"}, "campaign.dry_run must be true or false"),
        ({"BULKSEND_CAMPAIGN_CONTEXT": "team=crm"}, "campaign.context must be JSON here (Expecting value, column 1)"),
        ({"BULKSEND_CAMPAIGN_CONTEXT": '["a"]'}, "campaign.context must be a table of names and strings, not an array"),
        ({"BULKSEND_CAMPAIGN_NAME": "\udcff"}, "campaign.name must be text in UTF-8"),
        ({"BULKSEND_IDENTITIES": "ACME"}, "identities must be JSON here (Expecting value, column 1)"),
        (
            {"BULKSEND_IDENTITIES": '{"id": "ACME"}'},
            "identities must be an array of tables, [[identities]], not a table",
        ),
        (
            {"BULKSEND_IDENTITIES": '[{"id": "ACME", "mps": null}]'},
            'identities[0].mps must be a whole number from 1 to 10000 or "auto", not null',
        ),
    ],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], expected: str) -> None:
    """A mistake in a variable names the variable and the key that it stands for."""
    with pytest.raises(ConfigError) as caught:
        from_environment(environ)
    assert str(caught.value) == f"environment variable {next(iter(environ))}: {expected}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BULKSEND_CAMPAIGN_TEMPLTE", "is not a known key, did you mean BULKSEND_CAMPAIGN_TEMPLATE?"),
        ("BULKSEND_LOGFORMAT", "is not a known key, did you mean BULKSEND_LOG_FORMAT?"),
        ("BULKSEND_", "is not a known key"),
    ],
)
def test_an_unknown_variable_is_an_error(name: str, expected: str) -> None:
    """A variable that does nothing would be taken for one that does: it is an error, with the nearest known one."""
    with pytest.raises(ConfigError) as caught:
        from_environment({name: "x", "OTHER_CAMPAIGN_NAME": "x"})
    assert str(caught.value) == f"environment: {name} {expected}"


def test_a_credential_in_the_environment() -> None:
    """A variable of ours that looks like a credential is refused without its value."""
    with pytest.raises(ConfigError, match="BULKSEND_AWS_SECRET_ACCESS_KEY looks like a credential") as caught:
        from_environment({"BULKSEND_AWS_SECRET_ACCESS_KEY": "hush"})
    assert "hush" not in str(caught.value)


def test_variables_that_are_not_settings() -> None:
    """The command line's own variables and those Kubernetes makes for our Services are none of our business."""
    environ = dict.fromkeys(COMMAND_LINE_VARIABLES, "x") | {
        "BULKSEND_SERVICE_HOST": "10.0.0.1",
        "BULKSEND_SERVICE_PORT": "80",
        "BULKSEND_SERVICE_PORT_HTTP": "80",
        "BULKSEND_PORT": "tcp://10.0.0.1:80",
        "BULKSEND_PORT_80_TCP": "tcp://10.0.0.1:80",
        "BULKSEND_PORT_80_TCP_ADDR": "10.0.0.1",
        "BULKSEND_SIMULATOR_SERVICE_HOST": "10.0.0.2",
        "BULKSEND_SIMULATOR_SERVICE_PORT_HTTP": "8021",
        "BULKSEND_SIMULATOR_PORT": "tcp://10.0.0.2:8021",
        "BULKSEND_SIMULATOR_PORT_8021_TCP_PROTO": "tcp",
        "PATH": "/bin",
    }
    assert from_environment(environ) == {}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("campaign.name", "not of the form section.key=value. Write for example --set aws.region=us-east-1."),
        ("", "not of the form section.key=value. Write for example --set aws.region=us-east-1."),
        ("headroom=0.5", "headroom is not a known key, did you mean pacing.headroom?"),
        ("pacing.hedroom=0.5", "pacing.hedroom is not a known key, did you mean pacing.headroom?"),
        ("campaign.name.x=0.5", "campaign.name.x is not a known key, did you mean campaign.name?"),
        ("=x", '"" is not a known key'),
        ("aws.secret_access_key=hush", "aws.secret_access_key looks like a credential, and credentials do not belong"
         " here. Leave them where the SDK looks: AWS_PROFILE, ~/.aws, a role, or AWS_ACCESS_KEY_ID and its secret."),
        ("identities[0].mps=5", "identities can only be set as a whole here. Give all of them as one JSON array."),
        ("campaign.context.bulksend_row=1", "campaign.context.bulksend_row begins with bulksend_, which is kept for"
         " bulksend_campaign and its like"),
    ],
)  # fmt: skip
def test_a_wrong_flag_is_named(override: str, expected: str) -> None:
    """A mistake in a flag names the flag and the key."""
    with pytest.raises(ConfigError) as caught:
        with_overrides({}, [override])
    error = str(caught.value).replace("--set: ", "", 1)
    assert error == expected


def test_one_pair_of_a_table() -> None:
    """A flag can set one pair of a table and leaves the others; a value may hold an equals sign."""
    before = from_environment({"BULKSEND_CAMPAIGN_CONTEXT": '{"team": "crm", "wave": "1"}'})
    after = with_overrides(before, ["campaign.context.wave=a=b", "campaign.country_parameters.IN_ENTITY_ID=1101"])
    assert after["campaign.context"].value == {"team": "crm", "wave": "a=b"}
    assert after["campaign.country_parameters"].value == {"IN_ENTITY_ID": "1101"}
    assert before["campaign.context"].value == {"team": "crm", "wave": "1"}


def test_a_table_as_a_whole_replaces() -> None:
    """A table or the identities given as a whole take the place of those of lower layers."""
    before = from_environment(
        {"BULKSEND_CAMPAIGN_CONTEXT": '{"team": "crm"}', "BULKSEND_IDENTITIES": '[{"id": "A", "mps": 1}]'}
    )
    after = with_overrides(before, ['campaign.context={"wave": "1"}', "identities="])
    assert after["campaign.context"].value == {"wave": "1"}
    assert after[IDENTITIES].value == ()


def test_where_relative_paths_begin() -> None:
    """Variables and flags have no folder of their own: paths in them begin at the working directory."""
    environ = from_environment({"BULKSEND_RECIPIENTS_SUPPRESS": "a.txt"})
    assert environ["recipients.suppress"].source.folder == Path()
