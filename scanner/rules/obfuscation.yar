/* Code that hides what it does from whoever reads it. */

rule evaluates_encoded_code {
  meta:
    description = "code that decodes text and runs it"
    severity = "quarantine"
    remedy = "Ship the code itself, readable."
    scope = "program"
  strings:
    $python = /\b(exec|eval)\s*\(\s*(compile\s*\(\s*)?(__import__\s*\(\s*["'](base64|zlib|marshal|codecs|bz2|lzma)["']\s*\)|base64|zlib|marshal|codecs|bz2|lzma)\s*\.\s*(b64decode|b32decode|b16decode|a85decode|b85decode|decompress|loads|decode)\b/
    $python_chr = /\b(exec|eval)\s*\(\s*["']{0,3}\s*\.?\s*(join\s*\(|(chr\s*\(\s*[0-9]{1,3}\s*\)\s*\+\s*){3})/
    $python_bytes = /\b(exec|eval)\s*\(\s*(bytes|bytearray)(\.fromhex)?\s*\(/
    $javascript_atob = /\b(eval|Function|setTimeout|execScript)\s*\(\s*(window\.|globalThis\.|self\.)?atob\s*\(/
    $javascript_buffer = /\b(eval|Function|runIn(This|New)Context|_compile)\s*\(\s*Buffer\.from\s*\([^\r\n]{1,400},\s*["'](base64|hex)["']\s*\)/
    $javascript_unescape = /\beval\s*\(\s*(unescape|decodeURIComponent|String\.fromCharCode)\s*\(/
    $javascript_packer = "eval(function(p,a,c,k,e,"
    $ruby = /\beval\s*\(?\s*(Base64\.(strict_)?decode64|\[["'][^"']{20,}["']\]\.pack|["'][^"']{20,}["']\.unpack)/
    $perl = /\beval\s*\(?\s*(decode_base64|pack\s*\(\s*["'][uH])/
    $shell = /(echo|printf)\s+["']?[A-Za-z0-9+\/=]{24,}["']?\s*\|\s*(base64\s+(-d|-D|--decode)|xxd\s+-r(\s+-p)?|openssl\s+(enc\s+-)?base64\s+-d)\s*\|\s*(sudo\s+)?((ba|z|da|k)?sh|python[0-9.]*|perl|node)\b/
  condition:
    any of them
}

rule javascript_obfuscator {
  meta:
    description = "JavaScript made unreadable by an obfuscator"
    severity = "quarantine"
    remedy = "Ship the source; minified code is fine, obfuscated code is not."
    scope = "program"
  strings:
    $hex_names = /\b_0x[0-9a-f]{4,6}\b/
    $array = /(var|let|const)\s+_0x[0-9a-f]{4,6}\s*=\s*(\[|function)/
    $escapes = /(\\x[0-9a-fA-F]{2}){24,}/
    $jsfuck = /(\[\]|!\[\]|\(!\[\]\+\[\]\)|\+\[\]|\[\+!\+\[\]\]|\[!\+\[\]){12,}/
  condition:
    ($array and #hex_names > 12) or ($escapes and $hex_names) or $jsfuck
}

rule hidden_direction {
  meta:
    description = "source code whose displayed order differs from its real one (CVE-2021-42574)"
    severity = "quarantine"
    remedy = "Remove the bidirectional control characters."
    scope = "source"
  strings:
    $override = /\xe2\x80[\xaa\xab\xad\xae][^\r\n]{0,200}/
    $isolate = /\xe2\x81[\xa6\xa7\xa8][^\r\n]{0,200}/
    $code = /\b(function|const|import|return|def|class|if|fn|let|var)\b/
  condition:
    $code and ($override or $isolate)
}

rule install_hook_runs_code {
  meta:
    description = "a package description that runs a program while it is installed"
    severity = "quarantine"
    remedy = "Remove the install scripts: installing must not run anything."
    scope = "program"
  strings:
    $npm = /"(pre|post)?install"\s*:\s*"[^"\r\n]{0,200}\b(node|sh|bash|curl|wget|python[0-9.]*|powershell)\b/
    $scripts = /"scripts"\s*:\s*\{/
  condition:
    $npm and $scripts
}
