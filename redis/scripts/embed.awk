# Lua files as C: each FILE argument becomes part of one string constant.
# -v name=NAME; comment lines are left out, but keep their place: errors of
# Redis name lines.
BEGIN {
	gsub(/-/, "_", name)
	printf "const char store_script_%s[] =\n", name
}
{
	if ($0 ~ /^[ \t]*--/) $0 = ""
	gsub(/[\\"]/, "\\\\&")
	gsub(/\t/, "\\t")
	printf "\t\"%s\\n\"\n", $0
}
END { print "\t\"\";\n" }
