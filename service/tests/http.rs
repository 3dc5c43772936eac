//! The HTTP API over a real socket: what it answers, what it refuses and how, and that the plans in
//! an answer run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use isomer_engines::EngineKind;
use isomer_ir::SourceData;
use isomer_service::execute::{self, TOLERANCE, Way};
use isomer_service::http::{self, Config};
use isomer_service::{files, optimize};
use serde_json::{Value, json};

/// A service that runs until the test process ends.
struct Service {
    address: SocketAddr,
    agent: ureq::Agent,
}

/// An answer with its status and content type.
#[derive(Debug)]
struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem and those of its faults.
    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Vec<Value> {
        let problem = self.json();
        assert_eq!((self.status, self.content_type.as_str()), (status, "application/problem+json"), "{problem:#}");
        assert_eq!(problem["status"], json!(status));
        assert_eq!(problem["code"], json!(code));
        assert_eq!(problem["type"], json!(format!("urn:isomer:problem:{code}")));
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        problem["errors"].as_array().expect("a problem lists its faults").clone()
    }
}

impl Service {
    fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        std::thread::spawn(move || http::serve(listener, config, std::future::pending()));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { address, agent }
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.agent.post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body).expect("the service answers"))
    }

    fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(format!("http://{}{path}", self.address)).call().expect("the service answers"))
    }

    fn optimize(&self, request: &Value) -> Answer {
        self.post("/v1/optimize", &[("content-type", "application/json")], &request.to_string())
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
    Answer {
        status: response.status().as_u16(),
        content_type: content_type.to_owned(),
        body: response.body_mut().read_to_string().expect("a body is text"),
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sessions").join(path)
}

fn request_file() -> String {
    std::fs::read_to_string(example("request.json")).expect("the request ships")
}

/// Code, line, column and length of a fault.
fn place(fault: &Value) -> (String, Option<[u64; 3]>) {
    let number = |name: &str| fault["span"][name].as_u64();
    let span = number("line").zip(number("col")).zip(number("len")).map(|((line, col), len)| [line, col, len]);
    (fault["code"].as_str().unwrap_or_default().to_owned(), span)
}

#[test]
fn the_request_that_ships_is_answered_as_curl_sends_it() {
    let service = Service::start(Config::default());
    // `curl -d @file` leaves out line breaks and says that the body is a form.
    let body: String = request_file().lines().collect();
    let answer = service.post("/optimize", &[("content-type", "application/x-www-form-urlencoded")], &body);
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"), "{}", answer.body);
    let output = answer.json();
    let steps: Vec<(&str, &str)> = output["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["kind"].as_str().unwrap(), step["name"].as_str().unwrap()))
        .collect();
    let models = ["daily_user_sessions", "sessions_by_country", "sessions_by_hour"];
    assert_eq!(steps[0], ("shared", "session_summary"));
    assert_eq!(steps[1..], models.map(|model| ("model", model)));
    assert_eq!(output["steps"][0]["consumers"], json!(models));
    assert_eq!(output["stop_reason"], "saturated");
    assert_eq!(output["diagnostics"], json!([]));
    for path in ["/v1/optimize", "/optimize"] {
        let again = service.post(path, &[("content-type", "application/json; charset=utf-8")], &request_file());
        assert_eq!(again.body, answer.body, "equal requests get equal bytes");
    }
}

#[test]
fn the_plans_of_an_answer_run_on_datafusion_with_the_rows_of_the_models() {
    let service = Service::start(Config::default());
    let output = service.post("/optimize", &[], &request_file()).json();
    let disk = files::read(&example("")).expect("the example can be read");
    let answer = optimize::run(&optimize::Request { files: disk.files, ..optimize::Request::default() });
    let mut optimised = answer.optimised.expect("the example is fine");
    for source in &mut optimised.project.project.sources {
        if let SourceData::Generated(_, settings) = &mut source.data {
            settings.iter_mut().filter(|(name, _)| &**name == "rows").for_each(|(_, value)| *value = "5000".into());
            settings.iter_mut().filter(|(name, _)| &**name == "users").for_each(|(_, value)| *value = "50".into());
        }
    }
    let base = example("");
    let mut open =
        |engine| execute::open(&mut optimised, execute::Site::new(engine, &base), &mut |_| {}).expect("sources load");
    let (written, plans) = (open(EngineKind::DuckDb), open(EngineKind::DataFusion));
    execute::run(&written, &execute::statements(&mut optimised, Way::Naive, EngineKind::DuckDb), &mut |_, _| {})
        .expect("the models run as written");
    for step in output["steps"].as_array().unwrap() {
        let name = step["name"].as_str().unwrap();
        let plan = step["substrait"].as_str().expect("every step has a plan");
        let plan = base64::engine::general_purpose::STANDARD.decode(plan).expect("a plan is base64");
        let n_rows = plans.create_from_substrait(name, &plan).expect("the plan runs");
        assert!(n_rows > 0, "`{name}` has no rows");
        if step["kind"] == "model" {
            let query = format!("SELECT * FROM {name}");
            let (left, right) = (written.query(&query).unwrap(), plans.query(&query).unwrap());
            let comparison = isomer_engines::compare(&left, &right, TOLERANCE);
            assert!(comparison.is_equal, "`{name}`: {comparison:?}");
        }
    }
}

#[test]
fn explanations_come_in_three_forms() {
    let service = Service::start(Config::default());
    let json = service.post("/v1/explain", &[], &request_file());
    let explanation = json.json()["explanation"].as_str().expect("the explanation is text").to_owned();
    assert!(explanation.contains("# request") && explanation.contains("### `session_summary`"), "{explanation}");
    assert!(json.json()["steps"].is_array(), "the pipeline is there as well");
    let markdown = service.post("/explain", &[("accept", "text/markdown")], &request_file());
    assert_eq!((markdown.content_type.as_str(), markdown.body), ("text/markdown; charset=utf-8", explanation));
    let text = service.post("/explain", &[("accept", "text/plain")], &request_file());
    assert_eq!(text.content_type, "text/plain; charset=utf-8");
    assert!(text.body.contains("session_summary  temp") && !text.body.contains('\u{1b}'), "{}", text.body);
}

#[test]
fn the_service_tells_how_it_is() {
    let service = Service::start(Config::default());
    for (path, body) in [("/livez", "alive\n"), ("/readyz", "ready\n")] {
        let answer = service.get(path);
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
    }
    assert_eq!(service.get("/version").json()["name"], "isomer");
}

#[test]
fn requests_that_are_not_understood() {
    let service = Service::start(Config::default());
    let post = |body: &str| service.post("/v1/optimize", &[], body);
    let cases = [
        ("{\"models\": [\n", ("REQ-0005", [2, 1, 0])),
        ("{\"models\": [],\n \"shema\": {}}", ("REQ-0005", [2, 8, 1])),
        ("{\"models\": [{\"name\": 7}]}", ("REQ-0005", [1, 22, 1])),
        ("", ("REQ-0005", [1, 1, 0])),
    ];
    for (body, (code, span)) in cases {
        let faults = post(body).problem(400, "malformed-request");
        assert_eq!(faults.iter().map(place).collect::<Vec<_>>(), [(code.to_owned(), Some(span))], "{body}");
        assert_eq!(faults[0]["source"], "request");
    }
    let body = json!({"models": []}).to_string();
    service.post("/v1/optimize", &[("content-type", "text/csv")], &body).problem(415, "unsupported-media-type");
    service.post("/v2/optimize", &[], &body).problem(404, "not-found");
    service.get("/v1/optimize").problem(405, "method-not-allowed");
}

#[test]
fn projects_that_are_refused() {
    let service = Service::start(Config::default());
    let model = |name: &str, sql: &str| json!({"name": name, "sql": sql});
    let place_of = |request: &Value| {
        let faults = service.optimize(request).problem(422, "project-fault");
        assert!(faults.iter().all(|fault| fault["severity"] == "error"), "{faults:#?}");
        faults.iter().map(place).collect::<Vec<_>>()
    };
    let text = r#"{"models": [{"name": "a", "sql": "SELECT 1 AS x"}], "target": "duckbd"}"#;
    let faults = service.post("/v1/optimize", &[], text).problem(422, "project-fault");
    assert_eq!(place(&faults[0]), ("REQ-0001".to_owned(), Some([1, 63, 8])));
    assert_eq!(faults[0]["help"], "did you mean `duckdb`?");
    let circle = json!({"models": [model("a", "SELECT x FROM b"), model("b", "SELECT x FROM a")]});
    assert_eq!(place_of(&circle), [("PRJ-0030".to_owned(), Some([1, 1, 15]))]);
    let names = json!({"models": [model("a", "SELECT 1 AS x"), model("A", "SELECT 1 AS x"), model("../b", "")]});
    let codes: Vec<String> = place_of(&names).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["REQ-0004", "REQ-0003"], "all faults are told at once");
    let rules =
        json!({"models": [model("a", "SELECT 1 AS x")], "rules": "rule eliminate-all\n  \"text\"\n  clas exact"});
    let faults = place_of(&rules);
    assert!(faults.iter().any(|(code, span)| code.starts_with("RULE-") && span.is_some()), "{faults:?}");
}

#[test]
fn a_fault_of_one_model_leaves_the_others_optimised() {
    let service = Service::start(Config::default());
    let request = json!({
        "models": [
            {"name": "broken", "sql": "SELECT id,\n  amout FROM orders"},
            {"name": "fine", "sql": "SELECT DISTINCT id, amount FROM orders"},
        ],
        "schema": {"orders": {
            "columns": [{"name": "id", "type": "bigint", "nullable": false}, {"name": "amount", "type": "double"}],
            "keys": [["id"]],
        }},
    });
    let answer = service.optimize(&request);
    assert_eq!(answer.status, 200);
    let output = answer.json();
    let steps = output["steps"].as_array().unwrap();
    assert_eq!((&steps[0]["kind"], &steps[1]["kind"]), (&json!("opaque"), &json!("model")));
    assert_eq!(steps[0]["sql"], request["models"][0]["sql"], "an opaque model is kept byte for byte");
    let rules = steps[1]["rules"].as_array().unwrap();
    assert!(rules.contains(&json!("eliminate-distinct-on-key")), "{rules:?}");
    let fault = &output["diagnostics"][0];
    assert_eq!((&fault["model"], &fault["source"]), (&json!("broken"), &json!("models/broken.sql")));
    assert_eq!(place(fault).1, Some([2, 3, 5]));
    assert!(fault["help"].as_str().is_some_and(|help| help.contains("`amount`")), "{fault:#}");
}

#[test]
fn rules_of_a_request_take_part() {
    let service = Service::start(Config::default());
    let rules = std::fs::read_to_string(example("../dimensions/rules/sales.rules")).expect("the rules ship");
    let request = json!({
        "models": [{"name": "year", "sql": "SELECT id FROM t WHERE extract(year FROM sold_on) = 2024"}],
        "schema": {"t": {"columns": [{"name": "id", "type": "int"}, {"name": "sold_on", "type": "date"}]}},
        "rules": rules,
    });
    let output = service.optimize(&request).json();
    let names = output["steps"][0]["rules"].as_array().unwrap();
    assert!(names.contains(&json!("convert-year-2024-to-range")), "{output:#}");
}

#[test]
fn bodies_have_a_limit() {
    let service = Service::start(Config { body_limit: 1000, ..Config::default() });
    let long = "x".repeat(1001);
    service.post("/v1/optimize", &[], &long).problem(413, "body-too-large");
    // Chunks do not say beforehand how long they are.
    let mut stream = TcpStream::connect(service.address).unwrap();
    let head = "POST /v1/optimize HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len()).as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 413 ") && response.contains("body-too-large"), "{response}");
    let short = json!({"models": [{"name": "a", "sql": "SELECT 1 AS x"}]});
    assert_eq!(service.optimize(&short).status, 200, "the service goes on");
}

#[test]
fn a_deadline_gives_the_best_plan_so_far() {
    let service = Service::start(Config { deadline: Duration::from_secs(3600), ..Config::default() });
    let mut request: Value = serde_json::from_str(&request_file()).unwrap();
    request["options"] = json!({"deadline_ms": 0});
    let answer = service.optimize(&request);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let output = answer.json();
    assert_eq!(output["stop_reason"], "time");
    let models = output["steps"].as_array().unwrap().iter().filter(|step| step["kind"] == "model");
    assert_eq!(models.filter(|step| step["sql"].is_string() && step["substrait"].is_string()).count(), 3);
    // The service's own limit holds as well.
    let strict = Service::start(Config { deadline: Duration::ZERO, ..Config::default() });
    request["options"] = json!({"deadline_ms": 60_000});
    assert_eq!(strict.optimize(&request).json()["stop_reason"], "time");
}

#[test]
fn requests_at_the_same_time_do_not_meet() {
    let service = Service::start(Config { concurrency: 16, ..Config::default() });
    let body = request_file();
    let expect = service.post("/v1/optimize", &[], &body).body;
    std::thread::scope(|scope| {
        for i in 0..16 {
            let (service, body, expect) = (&service, &body, &expect);
            scope.spawn(move || {
                if i % 4 == 3 {
                    service.post("/v1/optimize", &[], "{").problem(400, "malformed-request");
                } else {
                    assert_eq!(&service.post("/v1/optimize", &[], body).body, expect);
                }
            });
        }
    });
}

#[test]
fn columns_and_where_they_come_from() {
    let service = Service::start(Config::default());
    let body = json!({
        "models": [
            {"name": "paid", "sql": "SELECT id, amount FROM orders WHERE state = 'paid'", "materialise": "view"},
            {"name": "totals", "sql": "SELECT COUNT(*) AS n, SUM(amount) AS total FROM paid"},
        ],
        "schema": {"orders": {"columns": [
            {"name": "id", "type": "INTEGER", "nullable": false}, {"name": "amount", "type": "DECIMAL(9, 2)"},
            {"name": "state", "type": "VARCHAR"},
        ], "keys": [["id"]]}},
    });
    let schema = service.post("/v1/schema", &[], &body.to_string());
    assert_eq!(schema.status, 200, "{schema:?}");
    let schema = schema.json();
    let column = |model: usize, column: usize| &schema["models"][model]["columns"][column];
    assert_eq!(column(0, 0)["not_null_from"]["kind"], "declared");
    assert_eq!((&column(0, 1)["type"], &column(0, 1)["nullable"]), (&json!("DECIMAL(9, 2)"), &json!(true)));
    assert_eq!(column(1, 1)["type_from"]["because"], "sum(amount)");
    assert_eq!((&schema["models"][0]["keys"][0]["columns"]), &json!(["id"]));
    assert_eq!((&schema["models"][1]["keys"][0]["columns"]), &json!([]), "there is one row");
    let lineage = service.post("/v1/lineage", &[], &body.to_string()).json();
    let total = &lineage["models"][1]["columns"][1];
    assert_eq!(total["from"], json!([{"table": "orders", "column": "amount", "by": "value"}]));
    assert_eq!(total["direct"], json!([{"table": "paid", "column": "amount", "by": "value"}]));
    assert_eq!(lineage["models"][1]["rows"], json!([{"table": "orders", "column": "state", "by": "filter"}]));
    let refused = service.post("/v1/lineage", &[], r#"{"models": []}"#);
    assert_eq!(refused.status, 422);
}
