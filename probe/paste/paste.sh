(echo >&2; p=; while read -r l; do p="$p$l
"; done
say() { echo "cpuid-probe: $1" >&2; exit 2; }
for c in base64 gzip mkdir chmod rm; do
type $c >/dev/null 2>&1 || say "this guest has no $c"; done
unpack() { echo "$p" | base64 -d | gzip -d; }
unpack >/dev/null || say "the text was damaged on its way"
umask 077
for d in "${TMPDIR:-/tmp}" /dev/shm /run /var/tmp .; do
d=$d/cpuid-probe.$$; mkdir "$d" 2>/dev/null || continue
s=126; unpack >"$d/p" && chmod 700 "$d/p" && { "$d/p"; s=$?; }; rm -rf "$d"
[ $s = 126 ] || exit $s; done
say "no directory where a program can be written and run") <<'END'
@PROGRAM@
END
