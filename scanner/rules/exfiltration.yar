/* Programs that collect what is private and send it away. */

rule steals_browser_or_wallet_data {
  meta:
    description = "a program that reads browsers' passwords, sessions or wallets"
    severity = "quarantine"
    remedy = "Remove it: no package needs these files."
    scope = "program"
  strings:
    $chrome = /(Google[\\\/]+Chrome|BraveSoftware[\\\/]+Brave-Browser|Microsoft[\\\/]+Edge|google-chrome)[\\\/]+(User Data|Default)/ nocase
    $login = "Login Data"
    $cookies = /["'\\\/]Cookies["'\\\/]/
    $state = "Local State"
    $decrypt1 = "CryptUnprotectData"
    $decrypt2 = "encrypted_key"
    $firefox1 = "key4.db"
    $firefox2 = "logins.json"
    $discord = /discord(canary|ptb)?[\\\/]+Local Storage[\\\/]+leveldb/ nocase
    $discord_token = /\[\\w-\]\{24\}\\\.\[\\w-\]\{6\}\\\.\[\\w-\]\{2[57],?\d*\}/
    $wallet = /(Exodus[\\\/]+exodus\.wallet|Electrum[\\\/]+wallets|Ethereum[\\\/]+keystore|nkbihfbeogaeaoehlefnkodbefgpgknn)/ nocase
  condition:
    ($chrome and ($login or $cookies) and ($state or any of ($decrypt*))) or all of ($firefox*)
    or $discord or $discord_token or $wallet
}

rule sends_data_to_a_chat {
  meta:
    description = "a program that sends what it reads on the machine to a chat"
    severity = "quarantine"
    remedy = "Remove it, or send to a host that `permissions.network` names."
    scope = "program"
  strings:
    $discord = /discord(app)?\.com\/api(\/v[0-9]{1,2})?\/webhooks\/[0-9]{15,20}\/[A-Za-z0-9_-]{20,}/
    $telegram = /api\.telegram\.org\/bot([0-9]{8,10}:[A-Za-z0-9_-]{30,}|["'`{$]|\s*\+)/
    $paste = /(webhook\.site\/[0-9a-f-]{36}|[a-z0-9]{8,}\.(oast\.(fun|live|site|online|pro|me)|burpcollaborator\.net|interact\.sh|requestbin\.net|pipedream\.net))/
    $collect1 = /\bos\.environ\b\s*(\)|,|\.(items|copy)\s*\(|$)/
    $collect2 = /JSON\.stringify\s*\(\s*process\.env\s*[\),]/
    $collect3 = /\.ssh[\\\/]+(id_(rsa|ed25519|ecdsa)|authorized_keys)/
    $collect4 = /\.aws[\\\/]+credentials/
    $collect5 = /(os\.getlogin|getpass\.getuser|os\.userInfo|platform\.node|socket\.gethostname|os\.hostname)\s*\(/
    $collect6 = /\b(ImageGrab\.grab|pyperclip\.paste|GetAsyncKeyState|pynput\.keyboard|SetWindowsHookEx)\b/
    $collect7 = /\b(sendDocument|api\.ipify\.org|ipinfo\.io)\b/
  condition:
    ($discord or $telegram or $paste) and any of ($collect*)
}

rule reads_private_keys_and_sends {
  meta:
    description = "a program that reads keys of the machine's user and opens a connection"
    severity = "quarantine"
    remedy = "Remove it: ask for the secrets that are needed in `permissions.secrets`."
    scope = "program"
  strings:
    $key1 = /\.ssh[\\\/]+id_(rsa|ed25519|ecdsa|dsa)\b/
    $key2 = /\.aws[\\\/]+credentials\b/
    $key3 = /\.(npmrc|pypirc|netrc|git-credentials)\b/
    $key4 = /\.(kube[\\\/]+config|docker[\\\/]+config\.json|config[\\\/]+gcloud)\b/
    $send1 = /\brequests\.(post|put)\s*\(/
    $send2 = /\b(fetch|axios(\.(post|put))?)\s*\(\s*["'`]https?:/
    $send3 = /\burllib\.request\.(urlopen|Request)\s*\(/
    $send4 = /\bhttps?\.request\s*\(/
    $send5 = /\bcurl\b[^\r\n]{0,120}(-d|--data|-F|-T|--upload-file)/
  condition:
    any of ($key*) and any of ($send*)
}
