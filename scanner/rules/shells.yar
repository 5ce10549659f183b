/* Programs that let somebody else command the machine. */

rule reverse_shell_unix {
  meta:
    description = "a shell connected to another machine"
    severity = "quarantine"
    remedy = "Remove it."
    scope = "program"
  strings:
    $dev_tcp = /(bash|sh|exec)\b[^\r\n]{0,60}\/dev\/(tcp|udp)\/[^\s\/]{1,100}\/[0-9$]/
    $netcat = /\bn(c|cat|etcat)\b[^\r\n]{0,80}\s-[a-z]{0,4}[ec]\s*["']?(\/bin\/|\/usr\/bin\/)?(ba|z|da|k)?sh\b/
    $fifo = /\bmkfifo\b[^\r\n]{1,120}\|\s*(\/bin\/)?(ba)?sh\b[^\r\n]{0,60}\|\s*n(c|cat|etcat)\b/
    $socat = /\bsocat\b[^\r\n]{0,160}exec:["']?(\/bin\/)?(ba)?sh\b/ nocase
  condition:
    any of them
}

rule reverse_shell_script {
  meta:
    description = "a script that connects a shell to a socket"
    severity = "quarantine"
    remedy = "Remove it."
    scope = "program"
  strings:
    $python_dup = /os\.dup2\s*\(\s*\w{1,20}\.fileno\s*\(\s*\)\s*,\s*[012]\s*\)/
    $python_shell = /(subprocess\.(call|Popen|run)|pty\.spawn|os\.system)\s*\(\s*\[?\s*["'](\/bin\/)?(ba|z|da)?sh\b/
    $perl = /open\s*\(\s*STD(IN|OUT|ERR)\s*,\s*["']>&\s*\w{1,20}["']\s*\)/
    $perl_exec = /exec\s*\(?\s*["']\/bin\/(ba)?sh\s+-i/
    $node_net = /require\s*\(\s*["'](node:)?net["']\s*\)/
    $node_spawn = /spawn\s*\(\s*["'](\/bin\/(ba)?sh|cmd(\.exe)?|powershell(\.exe)?)["']/
    $node_pipe = /\.pipe\s*\(\s*\w{1,20}\.stdin\s*\)/
    $powershell_socket = /New-Object\s+(System\.)?Net\.Sockets\.TCPClient/ nocase
    $powershell_run = /\b(iex|Invoke-Expression)\b/ nocase
    $php = /fsockopen\s*\([^\r\n]{1,200}(exec|proc_open|shell_exec|system)\s*\(\s*["']\/bin\/(ba)?sh/
  condition:
    ($python_dup and $python_shell) or ($perl and $perl_exec) or ($node_net and $node_spawn and $node_pipe)
    or ($powershell_socket and $powershell_run) or $php
}

rule webshell {
  meta:
    description = "a page that runs what its visitor sends"
    severity = "quarantine"
    remedy = "Remove it."
    scope = "program"
  strings:
    $php_direct = /\b(eval|assert|system|exec|shell_exec|passthru|popen|proc_open|create_function)\s*\(\s*@?(base64_decode\s*\(\s*|gzinflate\s*\(\s*|stripslashes\s*\(\s*|urldecode\s*\(\s*|str_rot13\s*\(\s*){0,4}\$_(GET|POST|REQUEST|COOKIE|SERVER)\b/ nocase
    $php_backtick = /`\s*\{?\$_(GET|POST|REQUEST|COOKIE)\b/
    $php_packed = /\b(eval|assert)\s*\(\s*(gzinflate|gzuncompress|str_rot13|base64_decode)\s*\(\s*(gzinflate|gzuncompress|str_rot13|base64_decode|["'])/ nocase
    $jsp = /Runtime\.getRuntime\(\)\.exec\s*\(\s*request\.getParameter\s*\(/
    $asp = /\b(eval|execute(global)?)\s*\(?\s*request\s*(\.(form|item|querystring))?\s*[\(\[]/ nocase
    $node = /\b(exec|execSync|eval)\s*\(\s*(req|request|ctx)\.(query|body|params)\b/
    $python = /\b(os\.system|os\.popen|subprocess\.(call|run|Popen|check_output)|eval|exec)\s*\(\s*(flask\.)?request\.(args|form|values|data|json|GET|POST)\b/
  condition:
    any of them
}
