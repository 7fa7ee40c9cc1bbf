"""Schedules and run parameters as users give them."""

from __future__ import annotations

import re

import pytest

from taxiway.config.loader import load_config
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.runners.kubeflow.client.schedule import kubeflow_cron
from taxiway.runners.kubeflow.parameters import as_declared, run_parameters
from tests.conftest import TINY
from tests.taxiway.runners.kubeflow.client.conftest import PIPELINE


class TestCron:
    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ("0 6 * * 1", "0 0 6 * * 1"),
            ("*/15 6-18 1,15 * ?", "0 */15 6-18 1,15 * ?"),
            ("0 6 * jan-mar MON-FRI", "0 0 6 * jan-mar MON-FRI"),
            ("30 0 6 ? * 0", "30 0 6 ? * 0"),
            ("  0   6 * *  5/2 ", "0 0 6 * * 5/2"),
        ],
    )
    def test_five_fields_get_their_seconds_and_six_stay(self, given: str, sent: str) -> None:
        assert kubeflow_cron(given) == sent

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("", "has 0 fields"),
            ("@daily", "has 1 fields; expected five"),
            ("0 6 * *", "has 4 fields"),
            ("0 0 6 * * 1 2026", "has 7 fields"),
            ("60 6 * * 1", "minute '60': 60 is not from 0 to 59"),
            ("0 6 0 * 1", "day of month '0': 0 is not from 1 to 31"),
            ("0 6 * * 7", "7 is not from 0 to 6; Sunday is 0"),
            ("0 18-6 * * 1", "the range 18-6 runs backwards"),
            ("*/0 6 * * 1", "the step '0' is no whole number above 0"),
            (
                "0 6 * * MOO",
                "day of week 'MOO': 'MOO' is none of 0-6, SUN, MON, TUE, WED, THU, FRI, SAT, *",
            ),
            ("? 6 * * 1", "minute '?': '?' is none of"),
            ("1, 6 * * 1", "minute '1,': '' is none of"),
        ],
    )
    def test_what_the_server_would_refuse_or_misread_is_refused(
        self, given: str, told: str
    ) -> None:
        with pytest.raises(ConfigError, match=re.escape(told)) as error:
            kubeflow_cron(given)
        assert error.value.edit == "--schedule"


class TestParameters:
    CONFIG = load_config([TINY, "kubeflow"])

    @pytest.mark.parametrize(
        ("given", "value"),
        [
            ("epochs=3", 3),
            ("learning_rate=1", 1.0),
            ("learning_rate=5e-4", 5e-4),
            ("span=12", 12),  # empty in the config: an optional number all the same
        ],
    )
    def test_a_value_has_the_type_of_the_key_it_sets(self, given: str, value: object) -> None:
        read = run_parameters(self.CONFIG, [given])
        assert read == {given.partition("=")[0]: value}
        assert type(*read.values()) is type(value)

    def test_lists_and_words_are_read_too(self) -> None:
        config = load_config(
            [TINY, "kubeflow"],
            [
                "kubeflow.parameters={units: model.hyperparameters.hidden_units, "
                "m: evaluation.rank_by}",
            ],
        )
        read = run_parameters(config, ["units=[64, 32]", "m=123"])
        assert read == {"units": [64, 32], "m": "123"}

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("epoch=3", "unknown parameter 'epoch'; did you mean 'epochs'?"),
            ("epochs", "takes name=value, got 'epochs'"),
            ("epochs=many", "epochs=many cannot be model.hyperparameters.epochs: input should be"),
            ("epochs=0", "greater than or equal to 1"),
        ],
    )
    def test_what_the_key_would_refuse_is_refused(self, given: str, told: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(told)):
            run_parameters(self.CONFIG, [given])

    def test_a_parameter_that_names_no_key_is_refused(self) -> None:
        config = load_config([TINY, "kubeflow"], ["kubeflow.parameters={wrong: model.speed}"])
        with pytest.raises(ConfigError, match=r"'model\.speed': expected a key") as error:
            run_parameters(config, ["wrong=1"])
        assert error.value.edit == "kubeflow.parameters.wrong"

    def test_the_pipeline_gets_them_as_it_declares_them(self) -> None:
        given = {"epochs": 3, "span": 12, "learning_rate": 0.5}
        assert as_declared(given, PIPELINE) == {"epochs": 3, "span": "12", "learning_rate": 0.5}
        with pytest.raises(TaxiwayError, match="has no parameter 'window'"):
            as_declared({"window": 2}, PIPELINE)
