"""What each target needs of a machine, what there is, and the command that gets the rest. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from taxiway.scaffold.doctor.machine import GIB, Machine, versions_for

OK = "ok"
WARNING = "warning"
"""It works without; something is slower, smaller or later."""
MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One need, met or not."""

    need: str
    status: str
    found: str
    get: str = ""
    """A command, or what else to do; empty where nothing is to be done."""


_PACKAGES: Mapping[str, Mapping[str, str]] = {
    "debian": {"": "apt-get install ", "c++": "g++", "headers": "python3-dev"},
    "fedora": {"": "dnf install ", "c++": "gcc-c++", "headers": "python3-devel"},
    "suse": {"": "zypper install ", "c++": "gcc-c++", "headers": "python3-devel"},
}
_VENV = {"debian": "python3-venv"}


def package(machine: Machine, name: str) -> str:
    """The command that installs a package of the distribution."""
    known = _PACKAGES.get(machine.distribution)
    return known[""] + known.get(name, name) if known else f"install {name}"


def system(machine: Machine) -> Finding:
    """TFX comes as wheels for one sort of machine only."""
    libc = "glibc {}.{}".format(*machine.glibc) if machine.glibc else "another libc than glibc"
    found = f"{machine.system} {machine.architecture}, {libc}"
    fits = (machine.system, machine.architecture) == ("Linux", "x86_64")
    if fits and machine.glibc and machine.glibc >= (2, 17):
        return Finding("system", OK, found)
    wanted = "; TFX's wheels are for Linux on x86_64 with glibc 2.17 or newer"
    return Finding("system", MISSING, found + wanted, "such a machine, or one with Docker")


def python(machine: Machine) -> Finding:
    """Of a version that the stack for this C library has packages for."""
    wanted = versions_for(machine.glibc)
    if machine.interpreter:
        found = f"{machine.interpreter.version} at {machine.interpreter.path}"
        return Finding("python", OK, found)
    found = "no Python {}, which this glibc needs".format(" or ".join(wanted))
    get = f"uv python install {wanted[0]}   or   pyenv install {wanted[0]}"
    if machine.installed:
        return Finding("python", WARNING, found + " to set up .venv anew", get)
    if machine.programs.get("uv") or machine.makes_venv:
        return Finding("python", WARNING, found + "; make has uv download one", get)
    return Finding("python", MISSING, found, get)


def packages(machine: Machine) -> Finding:
    """Those of requirements.lock; only what they were installed with is no longer needed then."""
    if machine.installed:
        return Finding("packages", OK, f"installed in {machine.installed}")
    found = "no .venv yet; each make target sets it up by itself"
    return Finding("packages", WARNING, found, "make install")


def uv(machine: Machine) -> Finding:
    """Installs the packages; make gets it by itself where python3 can make an environment."""
    path = machine.programs.get("uv", "")
    if path:
        return Finding("uv", OK, path)
    if machine.makes_venv:
        return Finding("uv", OK, "not found; make gets it with pip, into .uv")
    get = package(machine, _VENV.get(machine.distribution, "python3"))
    found = "not found, and python3 has no venv and ensurepip to get it with"
    return Finding("uv", WARNING if machine.installed else MISSING, found, get)


def compiler(machine: Machine) -> Finding:
    """One package of TFX's comes as C++ source."""
    return _to_install(machine, "c++", "c++", "C++ compiler, for pyfarmhash", "c++")


def headers(machine: Machine) -> Finding:
    """That package is compiled against Python.h."""
    if machine.interpreter is None:
        return Finding("headers", OK, "come with the Python that uv downloads")
    if machine.interpreter.headers:
        return Finding("headers", OK, f"Python.h of {machine.interpreter.version}")
    found = f"no Python.h of {machine.interpreter.path}, for pyfarmhash"
    status = WARNING if machine.installed else MISSING
    return Finding("headers", status, found, package(machine, "headers"))


def make(machine: Machine) -> Finding:
    """Every target is one of make's."""
    return _to_install(machine, "make", "make", "make, which sets everything up", "make")


def _to_install(machine: Machine, need: str, program: str, what: str, name: str) -> Finding:
    """Something that only sets up .venv, and is no longer missed once that is there."""
    path = machine.programs.get(program)
    if path:
        return Finding(need, OK, path)
    get = package(machine, name)
    if machine.installed:
        return Finding(need, WARNING, f"no {what}; .venv cannot be set up anew", get)
    return Finding(need, MISSING, f"no {what}", get)


def git(machine: Machine) -> Finding:
    """Brings updates; images and tests ask it which commit this is."""
    path = machine.programs.get("git")
    if path:
        return Finding("git", OK, path)
    found = "not found: no updates from upstream, and some tests are skipped"
    return Finding("git", WARNING, found, package(machine, "git"))


def containers(machine: Machine) -> Finding:
    """Docker or Podman, for container components; the host does without."""
    answering = [name for name, fault in sorted(machine.engines.items()) if not fault]
    if answering:
        return Finding("containers", OK, f"{answering[0]} answers")
    silent = [f"{name} {fault}" for name, fault in sorted(machine.engines.items())]
    found = ", ".join(silent) or "neither Docker nor Podman"
    get = "systemctl start docker" if "docker" in machine.engines else package(machine, "podman")
    return Finding(
        "containers", WARNING, found + "; container components run as processes here", get
    )


def docker(machine: Machine) -> Finding:
    """What builds the image: a client with BuildKit, and a daemon."""
    fault = machine.engines.get("docker")
    if fault is None:
        get = "https://docs.docker.com/engine/install/"
        return Finding("docker", MISSING, "not found; it builds the image", get)
    if fault:
        return Finding("docker", MISSING, "its daemon " + fault, "systemctl start docker")
    if not machine.buildkit:
        found = "answers, but its client cannot do BuildKit"
        return Finding("docker", MISSING, found, package(machine, "docker-buildx-plugin"))
    return Finding("docker", OK, "answers, with BuildKit")


def memory(machine: Machine, gib: int) -> Finding:
    """GiB of this process's; fewer are slower, or end a run."""
    found = f"{machine.memory / GIB:.1f} GiB"
    if machine.memory >= gib * GIB * 0.95:  # what a machine of this size leaves to programs
        return Finding("memory", OK, found)
    get = "smaller data.spans, engine.workers.kind=inline, or another machine"
    return Finding("memory", WARNING, f"{found}, expected {gib} GiB", get)


def disk(machine: Machine, new: int, later: int) -> Finding:
    """GiB before the packages are there, and after."""
    needed = later if machine.installed else new
    found = f"{machine.free / GIB:.1f} GiB free"
    if machine.free >= needed * GIB:
        return Finding("disk", OK, found)
    wanted = f"{found}, expected {needed} GiB"
    return Finding("disk", MISSING, wanted, "room on the project's disk, or output.root elsewhere")


def folders(machine: Machine) -> Finding:
    """Where .venv and what a run leaves are written."""
    if not machine.unwritable:
        return Finding("folders", OK, "the project's and output.root can be written")
    found = "no permission to write in {}".format(", ".join(machine.unwritable))
    get = "chown -R $(id -un) FOLDER, or --set output.root=ANOTHER"
    return Finding("folders", MISSING, found, get)


def locale(machine: Machine) -> Finding:
    """Of names and texts in data and on the terminal."""
    if machine.encoding.lower().replace("-", "") == "utf8":
        return Finding("locale", OK, machine.encoding)
    found = f"{machine.encoding}: names and texts beyond ASCII may be shown wrong"
    return Finding("locale", WARNING, found, "export LC_ALL=C.UTF-8")


def extra(machine: Machine, name: str, package: str) -> Finding:
    """A package of `taxiway[name]`, which a project asks for where it uses it."""
    if package in machine.extras:
        return Finding(package, OK, "installed")
    if not machine.installed:
        return Finding(package, OK, f"to be installed: taxiway[{name}] in pyproject.toml brings it")
    get = f"taxiway[{name}] in the dependencies of pyproject.toml, then make lock install"
    return Finding(package, MISSING, "not installed", get)


def kubectl(machine: Machine) -> Finding:
    """Applies the manifests of deploy/."""
    path = machine.programs.get("kubectl")
    if path:
        return Finding("kubectl", OK, path)
    found = "not found; compiling and submitting do without, setting a cluster up does not"
    return Finding("kubectl", WARNING, found, "https://kubernetes.io/docs/tasks/tools/")


def endpoint(machine: Machine) -> Finding:
    """A Kubeflow, where one was named."""
    asked = machine.endpoint
    if asked is None:
        return Finding("endpoint", OK, "not asked; --endpoint URL asks a Kubeflow")
    if not asked.fault:
        return Finding("endpoint", OK, f"{asked.url} answers")
    get = "kubectl port-forward -n kubeflow service/ml-pipeline-ui 8080:80, or kubeflow.endpoint"
    return Finding("endpoint", MISSING, f"{asked.url} {asked.fault}", get)


def port(machine: Machine) -> Finding:
    """Where `make dask-up` has its scheduler listen."""
    number = machine.dask_port
    if number not in machine.busy_ports:
        return Finding("port", OK, f"{number} is free")
    found = f"{number} is in use, on which the scheduler would listen"
    return Finding("port", MISSING, found, f"DASK_PORT={number + 10} make dask-up")


def openssl(machine: Machine) -> Finding:
    """Makes the certificates of a Dask cluster."""
    path = machine.programs.get("openssl")
    if path:
        return Finding("openssl", OK, path)
    return Finding(
        "openssl",
        MISSING,
        "not found; it makes the cluster's certificates",
        package(machine, "openssl"),
    )
