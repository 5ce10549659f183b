//! A licence that people have withdrawn: nobody goes on paying for it.

use super::*;

#[tokio::test]
async fn nobody_pays_on_for_a_licence_that_is_revoked_or_banned() {
    for (act, cancels) in [
        (StandingAct::Suspend, false),
        (StandingAct::Revoke, true),
        (StandingAct::Ban, true),
    ] {
        let sold = begun().await;
        sold.paid().await;
        let store = &sold.till.world.store;
        let licence = commerce::licence_revision(store, sold.subscription.licence).await;
        let licence = licence.expect("memory").expect("issued");
        let ruled = stand(&licence.granted(), act, sold.till.world.now()).expect("in good standing");
        leases::save(store, &licence, &licence.with(ruled.grant), Room::People, Vec::new())
            .await
            .expect("written");
        sold.till
            .stripe
            .answers(200, told("active", 0))
            .answers(200, list(&[invoice(&sold.subscription, 0, 2000)]));
        if cancels {
            sold.till.stripe.answers(200, told("canceled", 0));
        }
        sold.till.stripe.take_asked();
        sold.hear().await.expect("heard");
        let asked = sold.till.stripe.take_asked();
        let ended = asked.iter().any(|asked| asked.method == "DELETE");
        assert_eq!(ended, cancels, "{act}: {asked:?}");
        sold.till.world.take_messages();
    }
}
