(echo >&2; p=; while read -r l; do p="$p$l
"; done
say() { echo "cpuid-probe: $1" >&2; exit 2; }
for c in base64 gzip chmod rm; do
type $c >/dev/null 2>&1 || say "this guest has no $c"; done
unpack() { echo "$p" | base64 -d | gzip -d; }
unpack >/dev/null || say "the text was damaged on its way"
umask 077; set -C
for d in "${TMPDIR:-/tmp}" /dev/shm /run /var/tmp .; do
f=$d/cpuid-probe.$$
(: >"$f") 2>/dev/null || continue
s=126; unpack >|"$f" && chmod 700 "$f" && { "$f"; s=$?; }; rm -f "$f"
[ $s = 126 ] || exit $s; done
say "no directory where a program can be written and run") <<'END'
@PROGRAM@
END
