/* Programs that use a customer's machine to make money for somebody else. */

rule crypto_miner {
  meta:
    description = "a crypto-currency miner or its settings"
    severity = "quarantine"
    remedy = "Remove it."
    scope = "program"
  strings:
    $protocol = /stratum\+(tcp|ssl|tls):\/\/[A-Za-z0-9]/
    $method1 = "\"mining.subscribe\""
    $method2 = "\"mining.authorize\""
    $xmrig1 = "xmrig" nocase
    $xmrig2 = "donate-level"
    $xmrig3 = "\"randomx\"" nocase
    $xmrig4 = "nicehash" nocase
    $pools = /\b(pool\.(supportxmr|minexmr|hashvault)|xmr\.nanopool|gulf\.moneroocean|(xmr|eth|rvn)[a-z0-9-]{0,12}\.2miners|xmrpool|coinhive|coin-hive|crypto-?loot|webminepool|monerominer)\.(com|org|pro|stream|eu|net|rocks)\b/ nocase
    $browser = /\bCoin(Hive|Imp)\.(Anonymous|User|Token)\s*\(/ nocase
  condition:
    $protocol or all of ($method*) or 2 of ($xmrig*) or $pools or $browser
}
