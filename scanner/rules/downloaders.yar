/*
  Programs that fetch another program and run it: what a reviewer saw is then not what runs.

  Every rule of Souk has: description (for the finding), severity (info, warning, quarantine,
  reject), remedy, and scope: "program" rules are not applied to Markdown and plain text, which
  may describe what a program must not do; "source" rules only to text besides those, because
  megabytes of sound have every short sequence of bytes somewhere.
*/

rule powershell_download_and_run {
  meta:
    description = "PowerShell that downloads code and runs it"
    severity = "quarantine"
    remedy = "Ship what is needed inside the package."
    scope = "program"
  strings:
    $fetch1 = /(New-Object\s+(System\.)?)?Net\.WebClient\)?\s*\)?\.Download(String|File|Data)/ nocase
    $fetch2 = /\b(Invoke-WebRequest|Invoke-RestMethod|iwr|irm|curl|wget)\s+[^\r\n]{0,40}https?:\/\// nocase
    $run1 = /\b(iex|Invoke-Expression)\b/ nocase
    $run2 = /Start-Process\b|\bpowershell(\.exe)?\b[^\r\n]{0,80}\s-f(ile)?\b/ nocase
    $shell = /\b(powershell|pwsh)(\.exe)?\b|Net\.WebClient|Invoke-(WebRequest|RestMethod|Expression)|\b(iwr|irm)\s/ nocase
  condition:
    $shell and any of ($fetch*) and any of ($run*)
}

rule powershell_encoded_command {
  meta:
    description = "PowerShell started with an encoded command"
    severity = "quarantine"
    remedy = "Write the command in plain text."
    scope = "any"
  strings:
    $encoded = /\b(powershell|pwsh)(\.exe)?[^\r\n]{0,120}\s[-\/]e(nc|nco|ncod|ncode|ncoded|ncodedc|ncodedcommand)?\s+["']?[A-Za-z0-9+\/]{40,}/ nocase
  condition:
    $encoded
}

rule shell_download_and_run {
  meta:
    description = "a shell command that downloads a script and runs it"
    severity = "quarantine"
    remedy = "Ship what is needed inside the package."
    scope = "program"
  strings:
    $pipe = /\b(curl|wget)\b[^\r\n|;]{0,200}https?:\/\/[^\r\n|;]{1,200}\|\s*(sudo\s+)?(env\s+)?(ba|z|da|k)?sh\b/
    $pipe_to = /\b(curl|wget)\b[^\r\n|;]{0,200}https?:\/\/[^\r\n|;]{1,200}\|\s*(sudo\s+)?(python[0-9.]*|perl|ruby|node|php)\b/
    $substitution = /\b(ba|z|da|k)?sh\s+(-c\s+)?["']?(\$\(|<\(|`)\s*(curl|wget)\b/
    $chmod = /\b(curl|wget)\b[^\r\n]{0,200}https?:\/\/[^\r\n]{1,200}(&&|;)\s*chmod\s+(\+x|[0-7]{3,4})\b/
  condition:
    any of them
}

rule script_download_and_run {
  meta:
    description = "a script that evaluates what it downloads"
    severity = "quarantine"
    remedy = "Ship what is needed inside the package."
    scope = "program"
  strings:
    $python = /\b(exec|eval)\s*\(\s*(compile\s*\(\s*)?(requests\.get|urllib\.request\.urlopen|urllib2?\.urlopen|urlopen)\s*\(/
    $javascript = /\b(eval|Function)\s*\(\s*(await\s+)?\(?\s*(await\s+)?(fetch|axios(\.get)?|got)\s*\(/
    $javascript_then = /fetch\s*\([^\r\n]{1,200}\)\s*\.then\s*\([^\r\n]{1,100}\.text\(\)\s*\)\s*\.then\s*\(\s*eval\b/
    $dynamic_import = /\bimport\s*\(\s*["'`]https?:\/\//
  condition:
    any of them
}

rule windows_download_tool {
  meta:
    description = "a Windows system tool used to download or run foreign code"
    severity = "quarantine"
    remedy = "Ship what is needed inside the package."
    scope = "program"
  strings:
    $certutil = /\bcertutil(\.exe)?\b[^\r\n]{0,80}-(urlcache|decode)\b/ nocase
    $bitsadmin = /\bbitsadmin(\.exe)?\b[^\r\n]{0,80}\/transfer\b/ nocase
    $mshta = /\bmshta(\.exe)?\s+["']?(https?:|javascript:|vbscript:)/ nocase
    $regsvr = /\bregsvr32(\.exe)?\b[^\r\n]{0,80}\/i:https?:/ nocase
    $rundll = /\brundll32(\.exe)?\s+["']?(javascript:|url\.dll|https?:)/ nocase
  condition:
    any of them
}
