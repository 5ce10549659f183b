//! A licence file.

use souk_client::{KeySet, Timestamp, Verifier, VerifyError};

/// What an application is shipped with: the marketplace's public keys. Here, the one that the licence file below was signed with.
const PUBLIC_KEYS: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

/// What the customer was given.
const KEY: &str = "SOUK-EXAMPLE";
const FILE: &str = "\
-----BEGIN LICENSE FILE-----
eyJlbmMiOiIvNnE4QTRXM3JneE51eEFIUlRiazB2NitIbUZsVWZkSE9VdjJt
YzdXdDUrOW9Tb2drcHVGL1RWSHp2TEVCb1plV3M2bWU1RVdsNjBMVUtIZnlD
a3dHTzFtWmRrNFdSUUI3R2ltdmdKekI2cHN2WmJTRXNmMHptUzZ2cEsrZXMz
b0w3aFd4QjdyejBwM2xjNG5tVTNUTHc4bURNcHBTWTFDaXBSdWZjRWx1T1BF
Q3R5eDMyWjhneGx3VVZpU0N4akZKSWh2UEw0WmpBWHR3VFM1MnpNK3Jqc3Jz
M2ptREZ1UGkrNVlJWUhFMFp0YkJad1VDeWhGalVBQVc2ZGFGa3B5WWNCV0Zq
RTFqY2V2UTAyTFZMWDFmdGQ5MEI3b2xmdS96WlVIelFpK2tOUHJXdjhFUnJF
a1VsaFlPVGsvRGFDOTcyNDNaQkFuc2M0Ny9VWTVnK3FiY1pTQ0JmOWo2Unpy
eTZXVzZ3ODJJQ2RUOUNWbjZxYzBmTmlRbEw3Z1o0VlRvWFBFTDVEc0RYemhZ
UU9tR2ZKaG8xaE1LU2JQM1VJT0wxS0JTazBGeEhqUG82a2U2RE8vK3k4elNH
Y1VJTTA3aHZZUW5NaVcxdVlHcW1YUTlOSk1IcklwT1RON1hvaHFCdkdiK1FW
MWZoNlZ0Z2h2SFkvM2N4Qmhhcnp2Zjlta1pLRXpod0MvdGE4TVlsZi93YjMv
TVRlWW5YMEkwMnRuSjFucjBmTi9SUXlmbmZDQUZSTkdRZndVa3B1NWRtbU9r
T1Vnb3dLL3ozeHY1ZnFUUXY3Yk1WVnIyL1JCSHlQVHdGcmc4Q1pLZ0FDeE5D
U1N0eVVMVHNMUmhSU1BwYTNuR2dwcDkxdUJFZnI0QUxpN01jSEtqZmFETWha
SUJOaFlvUGNtNGgraXpkWWZQb3JIbTJUczNQZmdZcXBNWVB1RlppZ1JiY0k0
U3VMa2E4Y0g2dzFrZDlmUVdPMnRCaXVDbEM3dU9DNHV3b01rc29YZEUrY3Bk
M1BzNVp0b3BFTDNmYk9HKzBJRERTYW9oY1J4bGZ5RFBJbW5ENmtTY2VERW1U
MkpZMmlVK01sV1NxcDJGSmNkQjQwb1B0R3VJRTBPcDVKQStZWnRMY1FKd3NM
cTIvblZaWnpaOXBTWjVnMFpLbnJNOXptUW5BbnpwWTd2MHBxRERRVGFpMzRy
a3g5NUJBdDZqYWprZ3dzYTBnVzhOU1A3QU9IaVhtTkxmWFg3M2lOTG1QL1NH
d1dYVWlPeFJMenBxL3ZaWnVjbDc1YSs1aFc2akZ4bnJVU0xYNitGaUNhN2ZU
VW51VEtwNjlVKytuc1FHajhIeWw4M00zVHZ0K1pPZjV4NEx3aE5XR01jOXc9
PS5Cd2NIQndjSEJ3Y0hCd2NILmJ1Qzh0QkRjc1V3ak51T3Qwc2xybHc9PSIs
InNpZyI6IjBFU2lBUXQ2SHFCdDNmWFUyWkNLM2t6THJ5WituTWZNZEJkVVl2
VDRiSW40dDIxMFNQZHJ6T0MvamttU1I3cFpSNGUrbVFVL3A2bUh0Sm9QellZ
V0FRPT0iLCJhbGciOiJhZXMtMjU2LWdjbStlZDI1NTE5In0=
-----END LICENSE FILE-----";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::new(PUBLIC_KEYS.parse::<KeySet>()?);
    let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;

    let licence = verifier.licence_file(FILE, KEY, now)?;
    assert_eq!(licence.licence_id(), Some("lic_example"));
    assert!(licence.allows("export-stems"));

    // A genuine file ends. Until a new one was fetched, what it allows is over.
    let later: Timestamp = "2026-05-01T12:00:00Z".parse()?;
    let ended = verifier.licence_file(FILE, KEY, later);
    assert!(matches!(ended, Err(VerifyError::Expired { .. })));
    Ok(())
}
