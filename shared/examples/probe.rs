#![allow(warnings)]
use shared::objects::*; use shared::runtime::*; use std::time::Duration;
#[tokio::main(flavor="current_thread")]
async fn main() {
    let env = Env::from_pairs([("AWS_REGION","us-east-1"),("AWS_ACCESS_KEY_ID","test"),("AWS_SECRET_ACCESS_KEY","test"),("AWS_ENDPOINT_URL","http://localhost:4977"),
      ("QUARANTINE_BUCKET","quar"),("CLEAN_BUCKET","clean"),("NOTIFY_QUEUE_URL","http://localhost:4977/000000000000/notify"),("MAIL_SENDER","a@b.example"),("STRIPE_SECRET_ARN","stripe")]);
    let (o, clients, qs, mail, sec) = env.load(|e| { let c = Clients::from_env(e); (Objects::from_env(e,&c), c.clone(), shared::queues::Queues::from_env(e,&c,&[shared::messages::Queue::Notify]), shared::mail::Mail::from_env(e,&c), shared::runtime::secrets::StripeSecretSource::from_env(e,&c)) }).unwrap();
    let s3 = clients.s3();
    for b in ["quar","clean"] { s3.create_bucket().bucket(b).send().await.unwrap(); s3.put_bucket_versioning().bucket(b).versioning_configuration(aws_sdk_s3::types::VersioningConfiguration::builder().status(aws_sdk_s3::types::BucketVersioningStatus::Enabled).build()).send().await.unwrap(); }
    let now = jiff::Timestamp::now();
    let a = o.put(Bucket::Quarantine,"uploads/a b+c.zip","application/zip",b"one".to_vec()).await.unwrap();
    let b = o.put(Bucket::Quarantine,"uploads/a b+c.zip","application/zip",b"two!".to_vec()).await.unwrap();
    println!("{a:?} {b:?}");
    println!("{:?} {:?}", o.get(&a,10).await, o.head(&b).await);
    let copy = o.copy(&a,Bucket::Clean,"artifacts/x.zip").await.unwrap();
    println!("{:?} {:?}", copy, o.get(&copy,10).await);
    println!("{:?}", o.head(&ObjectRef{bucket:Bucket::Clean,key:"none".into(),version:None}).await);
    println!("{:?}", o.get(&ObjectRef{bucket:Bucket::Clean,key:"none".into(),version:None},1).await);
    println!("{:?}", o.get(&b,3).await);
    println!("GET {}", o.presign_download(&copy,"Ä \"x\".zip",Duration::from_secs(60),now).await.unwrap());
    let p = o.presign_upload(Bucket::Quarantine,&UploadPolicy{key:"uploads/p.zip".into(),content_type:"application/zip".into(),size_bytes:5,sha256_base64:None,valid_for:jiff::SignedDuration::from_mins(5)},now);
    println!("POST {}", serde_json::to_string(&p).unwrap());
    let q = clients.sqs(); q.create_queue().queue_name("notify").send().await.unwrap();
    use shared::ids::*; use shared::messages::*;
    let seed = shared::seed::Seed::fresh(now);
    qs.send(&Envelope::new(seed.id("m"), Message::OrderPaid{customer: seed.id("c"), order: seed.id("o")})).await.unwrap();
    clients.secrets().create_secret().name("stripe").secret_string(r#"{"secret_key":"sk","webhook_secrets":["w"]}"#).send().await.unwrap();
    println!("{:?}", sec.get().await);
    clients.ses().create_email_identity().email_identity("a@b.example").send().await.ok();
    println!("{:?}", mail.send(&shared::mail::Letter{to:"x@y.example".into(),subject:"Hi".into(),text:"t".into(),html:None}).await);
}
