# What check-platforms asks of each platform's own code: does it take the form, and as what? Called by it, with the Python of
# .cache/tools/platforms: platforms.py DIRECTORY PLATFORM DEFINITION..., where DIRECTORY holds DEFINITION.xml, the `<cpu>`,
# and DEFINITION.PLATFORM, the form. Prints a line for each: `taken`, `unread` where there is nothing that could read it, or
# `wrong` and why.
import json
import os
import re
import subprocess
import sys
import types
import xml.etree.ElementTree as xml

TOOLS = os.path.dirname(os.path.dirname(sys.executable))
# What is asked about now: the form, its file, and what it is to ask for.
text = path = wanted = None


def promise(cpu):
    """What a <cpu> asks for: model, each feature's policy."""
    features = sorted((feature.get("name"), feature.get("policy", "require")) for feature in cpu.iter("feature"))
    assert cpu.get("mode", "custom") == "custom" and cpu.get("match", "exact") == "exact", xml.tostring(cpu)
    return cpu.find("model").text.strip(), features


def same(cpu):
    """The platform made the <cpu> of it that went in."""
    got = promise(cpu)
    assert got == wanted, f"it makes another <cpu>: {got} instead of {wanted}"


def domain(cpu):
    """libvirt's schema takes a domain with this <cpu>."""
    whole = f"<domain type='kvm'><name>vm</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>{cpu}</domain>"
    with open(f"{path}.domain.xml", "w") as out:
        out.write(whole)
    subprocess.run(["virt-xml-validate", out.name, "domain"], check=True, stdout=subprocess.DEVNULL)


def virt_install():
    """virt-install makes a domain of it; its libvirt is the test driver, which needs no daemon."""
    option, value = text.split()
    command = "virt-install --connect test:///default --name vm --memory 64 --disk none --import --osinfo generic"
    command += " --network none --graphics none --dry-run --print-xml"
    made = subprocess.run([*command.split(), option, value], check=True, stdout=subprocess.PIPE, text=True).stdout
    cpu = xml.fromstring(made).find("cpu")
    same(cpu)
    domain(xml.tostring(cpu, encoding="unicode"))


def nova():
    """Nova reads the options, and its libvirt driver makes the guest's <cpu> of them."""
    import nova.conf
    from nova.virt.libvirt.driver import LibvirtDriver as driver

    nova.conf.CONF.reset()
    nova.conf.CONF([], project="nova", default_config_files=[path])
    host = types.SimpleNamespace(
        _get_cpu_model_mapping=lambda model: model, _prepare_cpu_flag=lambda flag: driver._prepare_cpu_flag(None, flag)
    )
    made = driver._get_guest_cpu_model_config(host, arch="x86_64").to_xml()
    same(xml.fromstring(made))
    domain(made)


def kubevirt():
    """A VirtualMachine with it passes through the types of KubeVirt's OpenAPI and loses nothing; the policies are libvirt's."""
    import yaml

    machine = yaml.safe_load(text)
    cpu = machine["spec"]["template"]["spec"]["domain"]["cpu"]
    got = cpu["model"], sorted((feature["name"], feature["policy"]) for feature in cpu.get("features", []))
    assert got == wanted, f"{got} instead of {wanted}"
    policies = {"force", "require", "optional", "disable", "forbid"}
    assert {policy for _, policy in got[1]} <= policies, got
    machine.update(apiVersion="kubevirt.io/v1", kind="VirtualMachine", metadata={"name": "vm"})
    machine["spec"]["runStrategy"] = "Halted"
    machine["spec"]["template"]["spec"]["domain"]["devices"] = {}
    script = (
        "import {V1VirtualMachineFromJSON as from, V1VirtualMachineToJSON as to} from"
        " '@kubevirt-ui-ext/kubevirt-api/kubevirt';"
        "import fs from 'node:fs';"
        "console.log(JSON.stringify(to(from(JSON.parse(fs.readFileSync(0))))))"
    )
    command = ["node", "--input-type=module", "--eval", script]
    ran = subprocess.run(command, cwd=TOOLS, check=True, input=json.dumps(machine), stdout=subprocess.PIPE, text=True)
    kept = json.loads(ran.stdout)
    assert kept == machine, f"KubeVirt keeps {kept} of {machine}"


def proxmox():
    """The entry as parameters of Proxmox VE's API for custom models, with its patterns, limits and list of models."""
    from clientapi_pve.models.cluster_qemu_create_custom_cpu_models_request import (
        ClusterQemuCreateCustomCpuModelsRequest as Request,
    )

    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines[0][0] == "cpu-model:", lines[0]
    request = Request.from_dict({"cputype": lines[0][1], **dict(lines[1:])})
    # What its class does not know, it drops; and its pattern looks at the beginning alone.
    kept = {key for key, value in request.to_dict().items() if value is not None}
    assert kept == {"cputype", *(key for key, _ in lines[1:])}, kept
    assert re.fullmatch(r"([+-][A-Za-z0-9_.-]+;?)*", request.flags or ""), request.flags


def opennebula():
    """What goes through RAW is libvirt's."""
    if not text.startswith("RAW"):
        nothing()
    cpu = text.split('DATA = "', 1)[1].rsplit('"', 1)[0].replace('\\"', '"').replace("\\\\", "\\")
    same(xml.fromstring(cpu))
    domain(cpu)


def firecracker():
    """The schema of a checkout of Firecracker's, where one is named, and the bitmaps as that schema describes them."""
    if not (checkout := os.environ.get("FIRECRACKER")):
        nothing()
    import jsonschema

    with open(os.path.join(checkout, "docs/cpu_templates/schema.json")) as schema:
        validator = jsonschema.Draft202012Validator(json.load(schema))
    template = json.loads(text)
    validator.validate(template)
    registers = [register for leaf in template["cpuid_modifiers"] for register in leaf["modifiers"]]
    assert all(re.fullmatch("0b[01x]{32}", register["bitmap"]) for register in registers), registers
    assert all(re.fullmatch("0b[01x]{64}", msr["bitmap"]) for msr in template["msr_modifiers"]), template


def libvirt():
    same(xml.fromstring(text))
    domain(text)
    subprocess.run(["virt-xml-validate", path, "cpu"], check=True, stdout=subprocess.DEVNULL)


class Unread(Exception):
    """There is nothing that could read it."""


def nothing():
    raise Unread


def main(directory, platform, *definitions):
    global text, path, wanted
    # Before Nova is imported.
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
    check = globals().get(platform.replace("-", "_"), nothing)
    for definition in definitions:
        path = os.path.join(directory, f"{definition}.{platform}")
        with open(path) as form:
            text = form.read()
        wanted = promise(xml.parse(os.path.join(directory, f"{definition}.xml")).getroot())
        try:
            check()
            print("taken")
        except Unread:
            print("unread")
        except Exception as why:
            print("wrong", f"{definition}: {type(why).__name__}: {why}".replace("\n", " "))


main(*sys.argv[1:])
