use hallpass_aws_sim::{
    Options,
    organization::{parse, small},
};
use serde_json::{Value, json};

use crate::bench::{Bench, options};

#[tokio::test]
async fn a_large_file_is_read() {
    let bench = Bench::small().await;
    let mut file = serde_json::to_value(small()).unwrap();
    let account = bench.account("payments-dev");
    let document = "x".repeat(3 << 20);
    file["iam"] = json!({ account: { "managed": [{ "name": "large", "document": document }] } });
    let (status, said) = bench.control("POST", "/load", file).await;
    assert_eq!(status, 200, "{said}");
}

#[test]
fn what_is_there_twice_is_named() {
    let mut file = serde_json::to_value(small()).unwrap();
    file["ous"][0]["id"] = json!("ou-ab12-aaaaaaaa");
    file["ous"][1]["id"] = json!("ou-ab12-aaaaaaaa");
    let arn = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef";
    for index in [0, 1] {
        file["identity_center"]["permission_sets"][index]["arn"] = json!(arn);
    }
    file["limits"] = json!({ "sso": { "rate": -5, "burst": 5 } });
    let found = parse(&file.to_string()).unwrap_err();
    for expected in [
        "/ous/1/id",
        "/identity_center/permission_sets/1/arn",
        "/limits/sso/rate",
    ] {
        assert!(
            found.iter().any(|it| it.pointer == expected),
            "{expected} {found:?}"
        );
    }
    let text = serde_json::to_value(small()).unwrap().to_string();
    let text = text.replacen('{', "{\"seed\":1,\"seed\":2,", 1);
    let found = parse(&text).unwrap_err();
    assert!(
        found[0].message.contains("the key `seed` is there twice"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_key_twice_in_a_file_is_refused() {
    let bench = Bench::small().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = format!("http://{}/_sim/load?merge=1", bench.address);
    let answer = client
        .post(address)
        .body("{\"speed\":\"fast\",\"speed\":\"real\"}")
        .send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    let text = answer.text().await.unwrap();
    assert!(text.contains("the key `speed` is there twice"), "{text}");
}

#[tokio::test]
async fn ids_of_faults_are_given_once() {
    let bench = Bench::small().await;
    let fault = |id: Option<&str>| match id {
        Some(id) => json!({ "id": id, "kind": "token_expired" }),
        None => json!({ "kind": "token_expired" }),
    };
    let add = async |faults: Value| {
        bench
            .control("POST", "/faults", json!({ "faults": faults }))
            .await
    };
    let (status, _) = add(json!([fault(Some("a")), fault(Some("a"))])).await;
    assert_eq!(status, 409);
    let (_, shown) = bench.control("GET", "/faults", Value::Null).await;
    assert_eq!(shown["faults"], json!([]), "all or none");
    let (status, said) = add(json!([
        fault(Some("f2")),
        fault(None),
        fault(None),
        fault(Some("f1"))
    ]))
    .await;
    assert_eq!(
        (status, &said["ids"]),
        (201, &json!(["f2", "f3", "f4", "f1"]))
    );
    let late = json!({ "kind": "stale_read", "seconds": 3_601 });
    let (status, said) = bench.control("POST", "/faults", late).await;
    assert_eq!((status, &said["error"]["field"]), (400, &json!("seconds")));
}

#[tokio::test]
async fn time_ends() {
    let mut organization = small();
    organization.clock = Some("9998-12-31T00:00:00Z".to_owned());
    let bench = Bench::new(Options {
        organization,
        ..options()
    })
    .await;
    for (body, field) in [
        (json!({ "to": "9999-06-01T00:00:00Z" }), "to"),
        (json!({ "seconds": 864_000 }), "seconds"),
        (json!({ "seconds": -1 }), "seconds"),
    ] {
        let (status, said) = bench.control("POST", "/advance", body).await;
        assert_eq!((status, &said["error"]["field"]), (400, &json!(field)));
    }
    bench.advance(3_600.0).await;
    let far = json!({ "to": "9000-01-01T00:00:00Z" });
    let bench = Bench::small().await;
    let (status, said) = bench.control("POST", "/advance", far).await;
    assert_eq!((status, &said["error"]["field"]), (400, &json!("to")));
}

#[tokio::test]
async fn a_reset_takes_time_back_to_its_start() {
    let bench = Bench::small().await;
    let offset = async || {
        let (_, state) = bench.control("GET", "/state", Value::Null).await;
        state["clock"]["offset_seconds"].as_f64().unwrap()
    };
    bench.advance(1_000.0).await;
    let (status, said) = bench.control("POST", "/load", json!(small())).await;
    assert_eq!(status, 200, "{said}");
    assert!(
        (offset().await - 1_000.0).abs() < 1e-6,
        "a load keeps the clock"
    );
    let (status, said) = bench.control("POST", "/reset", Value::Null).await;
    assert_eq!(status, 200, "{said}");
    assert!(offset().await.abs() < 1e-6);
}

#[tokio::test]
async fn a_wrong_method_is_told() {
    let bench = Bench::small().await;
    let (status, said) = bench.control("GET", "/advance", Value::Null).await;
    assert_eq!(
        (status, &said["error"]["code"]),
        (405, &json!("method_not_allowed"))
    );
}
