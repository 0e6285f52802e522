# What the scripts that run on `control` of scripts/nodes do with its nodes and a watched guest; sourced, not run. The
# guest is the probe's boot image, which watches its own CPUID and says on its console what changes.

probe=$bin_dir/cpuid-probe
diff=$bin_dir/cpuid-diff
# Where the image and the console lie on a node. libvirt lets QEMU read and write there.
images=/var/lib/libvirt/images

# uri NODE: how virsh reaches it.
uri() {
    echo "qemu+ssh://$1/system"
}

# on NODE ARGUMENT...: virsh there.
on() {
    virsh -q -c "$(uri "$1")" "${@:2}" </dev/null
}

# provide NODE...: puts the boot image on them.
provide() {
    local node
    "$probe" boot --emit-image image --force
    for node in "$@"; do
        scp -q image "$node:$images/cpuid.elf"
    done
}

# guest FILE [MACHINE [VCPUS]]: a domain `vm` with the CPU of FILE, which has a <cpu>. Its console is appended to, so that a
# guest that comes back leaves what it said before.
guest() {
    cat <<XML
<domain type='qemu'>
  <name>vm</name>
  <memory unit='MiB'>64</memory>
  <vcpu>${3:-2}</vcpu>
  <os>
    <type arch='x86_64' machine='${2:-pc-i440fx-7.2}'>hvm</type>
    <kernel>$images/cpuid.elf</kernel>
    <cmdline>watch=20 verbose</cmdline>
  </os>
  <features><acpi/></features>
$(sed 's/^/  /' "$1")
  <on_reboot>destroy</on_reboot>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='$images/vm.console' append='on'/></serial>
  </devices>
</domain>
XML
}

# boot NODE XML DUMP: the throw-away guest with that definition, through libvirt.
boot() {
    CPUID_PROBE=$probe "$root/scripts/boot-via-libvirt" -c "$(uri "$1")" --accel tcg --label "$1" -o "$3" --force "$2"
}

# console NODE: what the guest said there.
console() {
    ssh "$1" "cat $images/vm.console"
}

# passes NODE: how many passes the guest has ended there.
passes() {
    console "$1" 2>/dev/null | grep -c '^pass [0-9]*: .*vCPU'
}

# until COMMAND...: waits for its success.
until_true() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}

# has_passed NODE NUMBER: whether the guest has ended more passes there.
has_passed() {
    [ "$(passes "$1")" -gt "$2" ]
}

# start NODE XML: starts the guest and waits until it watches; its console is a new one.
start() {
    ssh "$1" "rm -f $images/vm.console"
    on "$1" create "$2" >/dev/null || return
    until_true has_passed "$1" 1 || { echo "the guest does not watch" >&2; return 1; }
}

# migrate FROM TO [OPTION...]: moves the running guest, and waits until it has ended two full passes there; the first one
# may fall on the switch.
migrate() {
    local before
    before=$(passes "$2" 2>/dev/null) || before=0
    on "$1" migrate --live vm "$(uri "$2")" "${@:3}" || return
    until_true has_passed "$2" $((before + 3)) || { echo "the guest does not go on" >&2; return 1; }
}

# gone NODE...: ends the guest wherever it is, and takes its consoles away.
gone() {
    local node
    for node in "$@"; do
        on "$node" destroy vm >/dev/null 2>&1 || true
        ssh "$node" "rm -f $images/vm.console"
    done
}

# seen NODE: the changes that the guest has reported there, `vcpu N PLACE REGISTER OLD -> NEW (BITS)` each.
seen() {
    console "$1" | tr -d '\r' | sed -n 's/^change: pass [0-9]* //p'
}
