"""Approving by hand: by whom, under which policy, and only from the browser's own form."""

from __future__ import annotations

import httpx
import pytest

from taxiway.registry.approval.states import state_of
from taxiway.registry.auth.actor import Role
from taxiway.registry.database.tables import audit
from taxiway.registry.deploy.queue import open_entries
from taxiway.registry.versions.records import ModelVersion
from tests.taxiway.serving.gateway.conftest import Token
from tests.taxiway.ui.conftest import Ui
from tests.taxiway.ui.people.test_doorkeeper import log_in, proof

PAGE = "/models/parcels/1.0.0"


def state(ui: Ui, version: ModelVersion) -> str:
    with ui.database.reading() as connection:
        found = state_of(connection, version, "")
    assert found is not None
    return found.state


def last_change(ui: Ui) -> tuple[str, str, str, str]:
    with ui.database.reading() as connection:
        row = connection.execute(audit.select().order_by(audit.c.sequence.desc())).mappings()
        changes = [(one["actor"], one["via"], one["action"], one["reason"]) for one in row]
    return next(one for one in changes if one[2].startswith("version."))


class TestByForm:
    def test_it_is_approved_queued_and_in_the_audit(self, ui: Ui) -> None:
        version = ui.version()

        async def body(client: httpx.AsyncClient) -> None:
            fields = {"proof": proof(await client.get(PAGE)), "environment": "", "reason": "good"}
            done = await client.post(f"{PAGE}/approve", data=fields)
            assert (done.status_code, done.headers["location"]) == (303, PAGE)
            page = await client.get(PAGE)
            assert "approved" in page.text
            assert "formaction" in page.text  # it may still be rejected
            assert f'action="{PAGE}/approve"' in page.text

        ui.visit(body)
        assert state(ui, version) == "approved"
        _, via, action, reason = last_change(ui)
        assert (via, action, reason) == ("system", "version.approved", "good")
        with ui.database.reading() as connection:
            assert [one.subject for one in open_entries(connection, "parcels", "")]

    @pytest.mark.parametrize("wrong", ["", "0" * 64])
    def test_without_the_browsers_own_proof_nothing_changes(self, ui: Ui, wrong: str) -> None:
        version = ui.version()

        async def body(client: httpx.AsyncClient) -> None:
            await client.get(PAGE)
            done = await client.post(f"{PAGE}/approve", data={"proof": wrong, "environment": ""})
            assert (done.status_code, "load the page again" in done.text) == (403, True)
            assert (await client.get(f"{PAGE}/approve")).status_code == 405

        ui.visit(body)
        assert state(ui, version) == "pending"

    def test_a_rejection_says_why(self, ui: Ui) -> None:
        version = ui.version()

        async def body(client: httpx.AsyncClient) -> None:
            fields = {"proof": proof(await client.get(PAGE)), "environment": ""}
            told = await client.post(f"{PAGE}/reject", data=fields)
            assert (told.status_code, "a rejection says why" in told.text) == (400, True)
            assert f'<a href="{PAGE}">Back</a>' in told.text
            fields["reason"] = "wrong in wind"
            assert (await client.post(f"{PAGE}/reject", data=fields)).status_code == 303
            assert "wrong in wind" in (await client.get(PAGE)).text

        ui.visit(body)
        assert state(ui, version) == "rejected"

    def test_where_tokens_are_whoever_has_none_is_told_to_log_in(
        self, ui: Ui, token: Token
    ) -> None:
        version = ui.version()
        ben = token("ben", Role.APPROVER)

        async def body(client: httpx.AsyncClient) -> None:
            page = await client.get(PAGE)
            assert "has no token" in page.text
            assert "<button>Approve" not in page.text
            mine = proof(await client.get("/login"))
            done = await client.post(f"{PAGE}/approve", data={"proof": mine, "environment": ""})
            assert done.status_code == 403
            await log_in(client, ben)
            fields = {"proof": proof(await client.get(PAGE)), "environment": ""}
            assert (await client.post(f"{PAGE}/approve", data=fields)).status_code == 303

        ui.visit(body)
        assert state(ui, version) == "approved"
        assert last_change(ui)[:3] == ("ben", "token", "version.approved")


class TestByProgram:
    def test_a_role_that_may_approve_does(self, open_ui: Ui, token: Token) -> None:
        version = open_ui.version(reviewers=2)
        for name, expected in (("ben", "pending"), ("cleo", "approved")):
            given = token(name, Role.APPROVER)
            told = open_ui.ask(f"{PAGE}/approve.json", "POST", given, json={"reason": "good"})
            assert told.status_code == 200, told.text
            assert told.json()["state"] == expected
        assert state(open_ui, version) == "approved"

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR, Role.DEPLOYER])
    def test_no_other_role_does(self, open_ui: Ui, token: Token, role: Role) -> None:
        version = open_ui.version()
        told = open_ui.ask(f"{PAGE}/approve.json", "POST", token("ben", role), json={})
        assert (told.status_code, "has the role" in told.json()["error"]) == (403, True)
        assert state(open_ui, version) == "pending"

    def test_who_made_it_is_told_that_another_has_to(self, open_ui: Ui, token: Token) -> None:
        version = open_ui.version()
        told = open_ui.ask(f"{PAGE}/approve.json", "POST", token("ann"), json={})
        assert told.status_code == 409
        assert state(open_ui, version) == "pending"

    @pytest.mark.parametrize(
        ("headers", "content"),
        [
            ({"content-type": "application/x-www-form-urlencoded"}, '{"reason": "x"}'),
            ({"content-type": "application/json", "origin": "https://evil.org"}, "{}"),
            ({"content-type": "application/json"}, '{"reasons": "x"}'),
            ({"content-type": "application/json"}, "{"),
        ],
    )
    def test_a_body_that_a_form_of_another_site_can_send_is_refused(
        self, ui: Ui, headers: dict[str, str], content: str
    ) -> None:
        version = ui.version()
        told = ui.ask(f"{PAGE}/approve.json", "POST", headers=headers, content=content)
        assert told.status_code in (400, 403)
        assert state(ui, version) == "pending"

    def test_what_is_not_there_cannot_be_decided(self, ui: Ui) -> None:
        assert ui.ask("/models/a/1.0.0/approve.json", "POST", json={}).status_code == 404
        ui.version()
        assert ui.ask(f"{PAGE}/promote.json", "POST", json={}).status_code == 400
