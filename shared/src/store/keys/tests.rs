use super::*;
use crate::ids::{CaseId, EducationalProofId, LicenceId, PlanId, RescanId, SubmissionId, UploadId, VersionId};
use crate::licensing::{Fingerprint, Realm};
use crate::listing::Standing;
use crate::seed::Seed;

/// Every builder once, as `KEYS.md` shows it. A changed key without a changed table of questions fails here.
#[test]
fn keys_md_has_every_key() {
    let document = include_str!("../KEYS.md");
    let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
    let (usr, ptn, lst) = (
        seed.id::<UserId>("u"),
        seed.id::<PartnerId>("p"),
        seed.id::<ListingId>("l"),
    );
    let (ver, upl, sub, cas) = (
        seed.id::<VersionId>("v"),
        seed.id::<UploadId>("u"),
        seed.id::<SubmissionId>("s"),
        seed.id::<CaseId>("c"),
    );
    let (ord, lic, pay) = (
        seed.id::<OrderId>("o"),
        seed.id::<LicenceId>("l"),
        seed.id::<PayoutId>("p"),
    );
    let (tok, aud, msg) = (
        seed.id::<TokenId>("t"),
        seed.id::<AuditId>("a"),
        seed.id::<MessageId>("m"),
    );
    let (eur, rul) = (Currency::EUR, seed.id::<RuleId>("r"));
    let counter = Counter {
        rule: rul,
        subject: ptn.to_string(),
        period: "2026".into(),
        currency: eur,
    };
    let eur = Currency::EUR;
    let (rec, gap) = (
        seed.id::<ReconciliationId>("r"),
        Subject::Events {
            processor: Processor::Stripe,
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
        },
    );
    let rsc: RescanId = seed.id("r");
    let edu: EducationalProofId = seed.id("e");
    let keys = [
        user(usr),
        educational_proof(usr, edu),
        educational_proof_owner(edu),
        audit(Audited::Proof(edu), aud),
        subject("iss", "sub"),
        api_token("hash"),
        user_token(usr, tok),
        application(usr, "warm pads"),
        partner(ptn),
        processor_account("acct_1"),
        member(ptn, usr),
        membership(usr, ptn),
        former_ownership(usr, ptn),
        audit(Audited::Partner(ptn), aud),
        listing(ptn, lst),
        version(lst, ver),
        version_number(lst, "1.0.0"),
        upload(ver, upl),
        check(ver, upl, "archive"),
        submission(ptn, sub),
        case(ptn, cas),
        closed_case(Timestamp::UNIX_EPOCH, cas),
        appeal(ptn, seed.id("a")),
        reply(ver, seed.id("reply")),
        delayed_rejection(Timestamp::UNIX_EPOCH, sub),
        rescan(rsc),
        rescan_finding(rsc, ver),
        rescan_counted(rsc, "page"),
        known_rules("rules-1"),
        audit(Audited::Rescan(rsc), aud),
        audit(Audited::Listing(lst), aud),
        published(lst),
        titles("warm-pads"),
        shelf(Some("presets"), "warm pads", lst),
        whole_shelf(None, "warm pads", lst),
        whole_word(None, "warm", lst),
        word(None, "warm", lst),
        cart(usr),
        subscription(usr, seed.id("s")),
        subscribed(usr, lst),
        begun(lst, seed.id("s")),
        plan(lst, seed.id::<PlanId>("p")),
        order(usr, ord),
        order_owner(ord),
        sold(lst, ord),
        held(lst, lic),
        refund(ord, seed.id("r")),
        dispute(ord, "dp_1"),
        invoice(ord),
        credit_note(ord, seed.id("r")),
        document_counter(Series::Invoice),
        journal_closing(ptn, None),
        audit(Audited::Order(ord), aud),
        licence(lic),
        audit(Audited::Licence(lic), aud),
        owned(usr, lic),
        policy(ptn, seed.id("p")),
        trial_terms(lst),
        sale_policy(lst),
        licence_batch(ptn, seed.id("b")),
        batched(seed.id("b"), lic),
        trial_of(lst, usr),
        claim(
            Realm::Account(ptn),
            &Fingerprint::try_from("left".to_owned()).expect("a fingerprint"),
        ),
        uses_counted(lic, "key"),
        processor_event(Processor::Stripe, "evt_1"),
        mail(msg),
        partner_journal(ptn, "sale", &ord.to_string()),
        platform_journal("fee", "ch_1"),
        balance(ptn, eur),
        payout(ptn, pay),
        rule_version(rul, 1),
        audit(Audited::Rule(rul), aud),
        schedule(&Scope::Partner(ptn)),
        turnover(&counter),
        matched(Processor::Stripe, "txn_1"),
        difference(&gap),
        reconciliation(rec),
        finding(rec, &gap),
        cursor(Walk::Events(Processor::Stripe)),
        accounts_round(),
        sweep_round(SweepLane::Orders),
        request("usr", "key"),
        wrong_keys("192.0.2.1", "1"),
    ];
    for key in keys {
        let shape = |text: &str| text.split('#').next().unwrap_or_default().to_owned();
        let row = format!("| {} | `{}#", key.table, shape(&key.pk));
        assert!(
            document.contains(&row),
            "KEYS.md has no row that begins with {row:?} for {key}"
        );
    }
    for (index, _) in [
        partner_by_status("applied", ptn),
        educational_proof_pending(edu),
        case_by_urgency(Timestamp::UNIX_EPOCH, cas),
        version_by_standing(Standing::Listed, lst, ver),
        balance_by_shard(ptn, eur),
        rule_by_age(rul, 1),
        version_to_be_scanned(lst, ver),
        unpaid_order(ord),
        refund_requested(ord, seed.id("r")),
        refund_pending(ord, seed.id("r")),
        dispute_by_status("open", Timestamp::UNIX_EPOCH, "dp_1"),
        open_difference(&gap),
        open_payout_by_shard(ptn, pay),
    ] {
        let shape = index.split('#').next().unwrap_or_default().to_owned();
        assert!(
            document.contains(&format!("`{shape}#")),
            "KEYS.md does not tell of the index {index}"
        );
    }
}

#[test]
fn the_books_are_told_from_the_rest() {
    let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
    let (ptn, usr, ord) = (seed.id("p"), seed.id("u"), seed.id("o"));
    let check = |key: &Key, expected| assert_eq!(book_item(key), expected, "{key}");
    check(&partner_journal(ptn, "sale", "1"), Some(BookItem::Entry));
    check(&platform_journal("fee", "ch_1"), Some(BookItem::Entry));
    check(&balance(ptn, Currency::EUR), Some(BookItem::Balance));
    check(&matched(Processor::Stripe, "txn_1"), Some(BookItem::Match));
    check(&order(usr, ord), Some(BookItem::Order));
    check(&dispute(ord, "dp_1"), Some(BookItem::Dispute));
    for other in [
        payout(ptn, seed.id("p")),
        cart(usr),
        order_owner(ord),
        refund(ord, seed.id("r")),
        licence(seed.id("l")),
    ] {
        check(&other, None);
    }
}

#[test]
fn a_hash_keeps_its_parts_apart() {
    assert_ne!(subject("ab", "c"), subject("a", "bc"));
    assert_ne!(request("usr#1", "x"), request("usr", "1#x"));
}
