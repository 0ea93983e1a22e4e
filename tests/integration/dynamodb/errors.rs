//! What keeps DynamoDB from serving a run: each cause has its own words, code and way on, and none waits
//! where nothing can come.

use serde_json::{Value, json};

use crate::harness::{Checkout, Cmd, Dynamodb, Output, World, snap};

/// A run that cannot have the lock: no tool is started.
fn refused(world: &World, code: i32) -> Output {
    let a = world.clone("a");
    world.tool("tofu");
    let out = a.alias("tofu apply").run();
    out.code(code).never_says("hunter2");
    assert!(world.called().is_empty(), "{out}");
    out
}

/// The same, where AWS answers every request like this.
fn answered(status: u16, code: &str, message: &str) -> (World, Dynamodb, Value) {
    let (world, table) = Dynamodb::world();
    let fault = json!({"status": status, "type": code, "message": message});
    table.faults(&json!([{"at": "any", "do": fault}]));
    table.asked();
    (world, table, fault)
}

#[test]
fn no_region() {
    let (world, table) = Dynamodb::world_with("");
    table.asked();
    snap!(refused(&world, 78));
    assert!(table.asked().is_empty());
}

#[test]
fn a_region_that_is_none() {
    let (world, _) = Dynamodb::world_with("");
    let a = world.clone("a");
    let out = a.alias("true").env("AWS_REGION", "eu-west-1.evil.example/").run();
    out.code(78);
    snap!(out);
}

#[test]
fn no_credentials() {
    let (world, table) = Dynamodb::world_with("region = \"eu-west-1\"\n");
    table.asked();
    snap!(refused(&world, 78));
    assert!(table.asked().is_empty());
}

#[test]
fn a_metadata_service_that_never_answers_is_waited_for_briefly() {
    let (world, _) = Dynamodb::world_with("region = \"eu-west-1\"\n");
    let a = world.clone("a");
    // Connections wait here for ever: nobody accepts them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = format!("http://{}", silent.local_addr().expect("it is bound"));
    let run = a.alias("true").without_env("AWS_EC2_METADATA_DISABLED");
    run.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", address).run().code(78).says("the instance metadata");
}

#[test]
fn a_machine_without_root_certificates() {
    let (world, _) = Dynamodb::world();
    let a = world.clone("a");
    let none =
        |run: Cmd<'_>| run.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").run();
    none(a.alias("true")).code(0);
    let config = a.read("lockstep.toml").replace("http://", "https://");
    a.publish("lockstep.toml", &config);
    let out = none(a.alias("true"));
    out.code(78);
    snap!(out);
}

#[test]
fn single_sign_on_is_left_to_the_aws_command_line() {
    let (world, _) = Dynamodb::world_with("profile = \"team\"\n");
    std::fs::create_dir_all(world.path("home/.aws")).expect("the world is writable");
    let sso = "[profile team]\nregion = eu-west-1\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n\
               [sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://x.invalid/start\n";
    std::fs::write(world.path("home/.aws/config"), sso).expect("the world is writable");
    snap!(refused(&world, 78));
}

#[test]
fn a_program_for_credentials_that_fails() {
    let (world, _) = Dynamodb::world_with("profile = \"team\"\n");
    std::fs::create_dir_all(world.path("home/.aws")).expect("the world is writable");
    let config = "[profile team]\nregion = eu-west-1\ncredential_process = echo hunter2 >&2; false\n";
    std::fs::write(world.path("home/.aws/config"), config).expect("the world is writable");
    snap!(refused(&world, 78));
}

/// A run of a project that names profile `team`, where AWS's file `config` says this; nobody is asked.
fn with_config(config: &str, more: &str) -> Output {
    let (world, table) = Dynamodb::world_with(more);
    std::fs::create_dir_all(world.path("home/.aws")).expect("the world is writable");
    std::fs::write(world.path("home/.aws/config"), config).expect("the world is writable");
    table.asked();
    let out = refused(&world, 78);
    assert!(table.asked().is_empty());
    out
}

const TEAM: &str = "profile = \"team\"\n";

#[test]
fn a_profile_that_does_not_exist() {
    let other = "[profile other]\nregion = eu-west-1\n";
    let said = "there is no profile `team` (from lockstep.toml)";
    with_config(other, TEAM).says(said).says("aws configure list-profiles");
    with_config(other, &format!("{TEAM}region = \"eu-west-1\"\n")).says(said);
    // Of the environment, and without any file. Keys need none.
    let (world, _) = Dynamodb::world_with("region = \"eu-west-1\"\n");
    let a = world.clone("a");
    let run = |words: &str| a.alias(words).env("AWS_PROFILE", "nobody");
    run("true").run().code(78).says("there is no profile `nobody` (from AWS_PROFILE)");
    run("true").env("AWS_ACCESS_KEY_ID", "AKIATEST").env("AWS_SECRET_ACCESS_KEY", "hunter2").run().code(0);
}

#[test]
fn a_file_of_aws_that_cannot_be_read() {
    let out = with_config("[profile team]\nregion = eu-west-1\n[profile\n", TEAM);
    out.says(".aws/config").says("line 3");
}

#[test]
fn a_source_profile_that_leads_nowhere() {
    let role = "[profile team]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = ";
    with_config(&format!("{role}base\n"), TEAM)
        .says("`source_profile` of `team` names `base`, which does not exist");
    let back = "[profile base]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = team\n";
    with_config(&format!("{role}base\n{back}"), TEAM).says("leads in a circle: team -> base -> team");
    with_config(&format!("{role}team\n"), TEAM).says("leads in a circle: team -> team");
}

#[test]
fn half_a_pair_of_keys() {
    let (world, _) = Dynamodb::world_with("region = \"eu-west-1\"\n");
    let a = world.clone("a");
    let out = a.alias("true").env("AWS_ACCESS_KEY_ID", "AKIATEST").run();
    out.code(78).says("`AWS_ACCESS_KEY_ID` is set and `AWS_SECRET_ACCESS_KEY` is not");
    let out = a.alias("true").env("AWS_SECRET_ACCESS_KEY", "hunter2").run();
    out.code(78).says("`AWS_SECRET_ACCESS_KEY` is set and `AWS_ACCESS_KEY_ID` is not").never_says("hunter2");
}

#[test]
fn whose_credentials_they_are_is_asked_of_the_projects_profile() {
    let (world, table) = Dynamodb::world_with(TEAM);
    std::fs::create_dir_all(world.path("home/.aws")).expect("the world is writable");
    let keys = "[profile team]\nregion = eu-west-1\naws_access_key_id = A\naws_secret_access_key = hunter2\n";
    std::fs::write(world.path("home/.aws/config"), keys).expect("the world is writable");
    let fault = json!({"status": 400, "type": "UnrecognizedClientException", "message": "no"});
    table.faults(&json!([{"at": "any", "do": fault}]));
    refused(&world, 78).says("aws sts get-caller-identity --profile team");
}

#[test]
fn an_expired_token() {
    let said = "The security token included in the request is expired: x-amz-security-token:hunter2";
    let (world, table, _) = answered(400, "ExpiredTokenException", said);
    snap!(refused(&world, 78));
    assert_eq!(table.asked(), ["BatchGetItem"], "it is not repeated");
}

#[test]
fn credentials_that_aws_does_not_know() {
    let (world, ..) = answered(400, "UnrecognizedClientException", "The security token is invalid: hunter2");
    snap!(refused(&world, 78));
}

#[test]
fn a_missing_permission() {
    let said = "User: arn:aws:iam::1:user/ana is not authorized to perform: dynamodb:GetItem on resource: \
                arn:aws:dynamodb:eu-west-1:1:table/locks because no identity-based policy allows it";
    let (world, ..) = answered(400, "AccessDeniedException", said);
    snap!(refused(&world, 78));
}

#[test]
fn too_many_requests() {
    let (world, table, _) = answered(400, "ProvisionedThroughputExceededException", "slow down");
    let out = refused(&world, 69);
    assert!(table.asked().len() > 2, "it is said again, within bounds");
    snap!(out);
}

#[test]
fn a_server_that_fails() {
    let (world, ..) = answered(500, "InternalServerError", "sorry");
    snap!(refused(&world, 69));
}

#[test]
fn a_table_that_is_missing_or_has_another_key() {
    let (world, table) = Dynamodb::world();
    let (a, other) = (world.clone("a"), table.another("other", "Name"));
    let config = a.read("lockstep.toml");
    let run = |name: &str| {
        let quoted = |name: &str| format!("table = \"{name}\"");
        a.publish("lockstep.toml", &config.replace(&quoted(table.name()), &quoted(name)));
        let out = a.alias("true").run();
        out.code(78);
        out.stderr().replace(name, "TABLE")
    };
    snap!("missing", run("missing"));
    snap!("other_key", run(&other));
}

#[test]
fn an_address_at_which_nobody_listens() {
    let (world, _) = Dynamodb::world();
    let a = world.clone("a");
    // A port that was free a moment ago, and that nobody else asks for.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("loopback");
    let config = a.read("lockstep.toml");
    let port = config.split("127.0.0.1:").nth(1).and_then(|rest| rest.split('"').next()).expect("a port");
    a.publish("lockstep.toml", &config.replace(port, &free.port().to_string()));
    let out = a.alias("true").run();
    out.code(69);
    snap!(out);
}

#[test]
fn an_outcome_that_cannot_be_told() {
    let (world, table) = Dynamodb::world();
    world.clone("before").alias("true").run().code(0);
    // Done, and from then on nobody answers.
    table.faults(&json!([
        {"at": "PutItem", "times": 1, "do": "after"},
        {"at": "PutItem", "do": "before"},
        {"at": "GetItem", "do": "before"},
        {"at": "BatchGetItem", "skip": 1, "do": "before"},
    ]));
    let out = refused(&world, 69);
    snap!(out);
    // Nobody knows, and nobody else gets it; its owner does, for that run has ended.
    table.faults(&json!([]));
    let b = world.clone("b");
    b.alias("true").owner("bob@host2").run().code(75);
    Checkout::at(&world, "a").alias("true").run().code(0);
}

#[test]
fn a_hostile_item_is_refused_and_never_printed_raw() {
    let (world, table) = Dynamodb::world();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.alias("tofu apply").run().code(1);
    let good = table.item("alpha/prod");
    let with = |record: Value| {
        let mut item = good.clone();
        item["record"] = json!({"S": record.to_string()});
        item
    };
    let record = table.record("alpha/prod");
    let mut evil = record.clone();
    evil["state"] = json!("\u{1b}]0;owned\u{7}\u{202e}");
    let mut future = record;
    future["lockstep"] = json!(99);
    let mut swapped = good.clone();
    swapped["nonce"] = json!({"S": "another"});
    let cases = [("evil", with(evil)), ("future", with(future)), ("swapped", swapped)];
    for (name, item) in cases {
        table.put(&item);
        let out = a.alias("tofu apply").run();
        out.code(78);
        assert!(!out.stderr().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{name}: {out}");
        snap!(name, out);
        let listed = a.lockstep("locks").run();
        listed.code(78);
        assert!(listed.stdout().contains("unreadable"), "{name}: {listed}");
        assert_eq!(table.item("alpha/prod"), item, "{name}: it is left alone");
    }
    assert_eq!(world.called().len(), 1);
}

#[test]
fn a_configuration_that_cannot_be_right() {
    let cases = [
        ("no_table", "[lock]\nbackend = \"dynamodb\"\n"),
        ("unknown_key", "[lock.dynamodb]\ntabel = \"locks\"\n"),
        ("password", "[lock.dynamodb]\nendpoint_url = \"http://ana:hunter2@localhost\"\n"),
        ("region", "[lock.dynamodb]\nregion = \"Ireland\"\n"),
    ];
    let world = World::new();
    let a = world.clone("a");
    for (name, config) in cases {
        a.publish("lockstep.toml", config);
        let out = a.alias("true").run();
        out.code(78).never_says("hunter2");
        snap!(format!("configuration_{name}"), out);
    }
}
