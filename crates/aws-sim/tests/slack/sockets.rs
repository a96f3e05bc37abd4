//! Socket Mode (`simulator.md` K-8).

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::app::Pair;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn ticket(pair: &Pair) -> String {
    let token = pair.simulator.slack().unwrap().app_token;
    let said = pair
        .ok("apps.connections.open", json!({ "token": token }))
        .await;
    said["url"].as_str().unwrap().to_owned()
}

async fn frame(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(_) => return Value::Null,
            _ => {}
        }
    }
}

async fn connected(pair: &Pair) -> Socket {
    let (mut socket, _) = connect_async(ticket(pair).await).await.unwrap();
    let hello = frame(&mut socket).await;
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["connection_info"]["app_id"], "A0HALLPASS");
    assert_eq!(hello["debug_info"]["approximate_connection_time"], 18_060);
    socket
}

async fn acknowledge(socket: &mut Socket, envelope: &Value, payload: Option<Value>) {
    let mut said = json!({ "envelope_id": envelope["envelope_id"] });
    if let Some(payload) = payload {
        said["payload"] = payload;
    }
    socket.send(Message::text(said.to_string())).await.unwrap();
}

#[tokio::test]
async fn a_ticket_works_once_and_for_thirty_seconds() {
    let pair = Pair::new().await;
    let url = ticket(&pair).await;
    let _open = connect_async(&url).await.unwrap();
    assert!(connect_async(&url).await.is_err());
    let late = ticket(&pair).await;
    pair.tick(30_001);
    assert!(connect_async(late).await.is_err());
}

#[tokio::test]
async fn what_is_not_acknowledged_goes_to_another_connection() {
    let pair = Pair::new().await;
    let (mut one, mut other) = (connected(&pair).await, connected(&pair).await);
    let app = async {
        let (first, second) = tokio::join!(frame(&mut one), frame(&mut other));
        assert_eq!(first["envelope_id"], second["envelope_id"]);
        acknowledge(&mut one, &first, None).await;
        acknowledge(&mut other, &second, None).await;
    };
    let person = async {
        let said = pair.act(json!({ "user": "U0MARA", "shortcut": "x" })).await;
        assert_eq!(said["delivered"][0]["status"], 200);
        assert!(said["delivered"][0]["milliseconds"].as_u64().unwrap() >= 3_000);
    };
    tokio::join!(app, person);
}

#[tokio::test]
async fn disconnects_are_announced() {
    let pair = Pair::new().await;
    let mut socket = connected(&pair).await;
    pair.post("disconnect", json!({ "reason": "warning" }))
        .await;
    assert_eq!(frame(&mut socket).await["reason"], "warning");
    let (_, said) = pair.post("disconnect", json!({})).await;
    assert_eq!(said["disconnected"], 1);
    let last = frame(&mut socket).await;
    assert_eq!(
        (&last["type"], &last["reason"]),
        (&json!("disconnect"), &json!("refresh_requested"))
    );
    assert_eq!(
        frame(&mut socket).await,
        Value::Null,
        "then the connection ends"
    );
    let (status, _) = pair
        .post("disconnect", json!({ "reason": "boredom" }))
        .await;
    assert_eq!(status, 400);
}
