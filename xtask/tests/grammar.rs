//! The model that the generator reads from a document.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

use serde_json::{Value, json};
use xtask::{
    Spec, lint,
    model::{Api, Kind, Object, Operation, Property, Type},
};

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}

/// The real document, extended by the fixture.
fn everything() -> Api {
    let read = |path: &str| -> Value {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let mut document = read("../openapi/bundled/chartmogul.yaml");
    merge(&mut document, read("fixtures/everything/document.yaml"));
    let spec = Spec::parse("everything.yaml", &xtask::document::write(&document).unwrap()).unwrap();
    lint::check(&spec).unwrap_or_else(|findings| panic!("{findings}"))
}

fn object<'a>(api: &'a Api, name: &str) -> &'a Object {
    api.object(name).unwrap_or_else(|| panic!("no {name}"))
}

fn property<'a>(api: &'a Api, object: &str, name: &str) -> &'a Property {
    let found = self::object(api, object).property(name);
    found.unwrap_or_else(|| panic!("{object} has no {name}"))
}

fn operation<'a>(api: &'a Api, id: &str) -> &'a Operation {
    let found = api.operations.iter().find(|operation| operation.id == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

/// The ids of some operations, of tags that do not change with the real document.
fn ids(api: &Api, is_wanted: impl Fn(&Operation) -> bool) -> Vec<&str> {
    let tags = ["opportunities", "things", "parcels", "oddities", "delivery_reports"];
    let all = api
        .operations
        .iter()
        .filter(|operation| tags.contains(&operation.tag.as_str()));
    all.filter(|operation| is_wanted(operation))
        .map(|operation| operation.id.as_str())
        .collect()
}

fn reference(name: &str) -> Kind {
    Kind::Ref(name.to_owned())
}

fn list(of: Kind) -> Kind {
    Kind::List(Box::new(of))
}

fn map(of: Kind) -> Kind {
    Kind::Map(Box::new(of))
}

#[test]
fn every_shape_of_a_value_has_a_kind() {
    let api = everything();
    for (name, kind) in [
        ("next_state", reference("ParcelState")),
        ("address", reference("ParcelAddress")),
        ("stops", list(reference("ParcelAddress"))),
        ("sent_at", Kind::Timestamp),
        ("amount", Kind::Any),
        ("settings", map(Kind::Any)),
        ("history", map(Kind::Any)),
        ("raw", Kind::Any),
        ("labels", map(Kind::String)),
        ("errors", map(list(Kind::String))),
        ("states", map(reference("ParcelState"))),
        ("addresses", map(reference("ParcelAddress"))),
        ("raws", list(Kind::Any)),
        ("maps", list(map(Kind::Any))),
    ] {
        assert_eq!(property(&api, "Parcel", name).kind, kind, "{name}");
    }
    for name in ["next_state", "address", "sent_at", "amount", "errors"] {
        assert!(property(&api, "Parcel", name).nullable, "{name}");
    }
    assert_eq!(property(&api, "Parcel", "next_state").description, "What comes next.");
    assert_eq!(property(&api, "Parcel", "labels").description, "Labels by name.");
    let labels = property(&api, "ParcelCreation", "labels");
    assert_eq!(
        (labels.limits.max_length, &labels.example),
        (Some(5), &Some(json!({ "color": "red" })))
    );
    let custom = property(&api, "ParcelCreation", "custom");
    assert_eq!(custom.kind, map(reference("CustomAttributeValue")));
    assert_eq!(property(&api, "ParcelCreation", "counts").limits.minimum, Some(0));
    assert_eq!(property(&api, "ParcelCreation", "items").min_items, 1);
}

#[test]
fn lists_in_a_query_are_lists() {
    let api = everything();
    let query = |name| property(&api, "ListParcelsQuery", name);
    assert_eq!(query("carriers").kind, list(Kind::String));
    assert_eq!(query("carriers").limits.min_length, Some(1));
    assert_eq!(
        (query("states").kind.clone(), query("states").min_items),
        (list(reference("ParcelState")), 1)
    );
    assert_eq!(query("customer-since").kind, Kind::Timestamp);
}

#[test]
fn names_are_those_that_the_document_gives() {
    let api = everything();
    let field = |object, name| property(&api, object, name).field.as_str();
    assert_eq!(field("ListParcelsQuery", "per-page"), "per_page_old");
    assert_eq!(field("ListParcelsQuery", "per_page"), "per_page");
    assert_eq!(field("Parcel", "extra"), "extra_text");
    assert_eq!(field("ParcelCreation", "from"), "from_");
    let Type::OpenEnum(states) = &api.types["ParcelState"] else {
        panic!()
    };
    let variants: Vec<_> = states.values.iter().map(|(_, variant)| variant.as_str()).collect();
    assert_eq!(variants, ["Sent", "ThirtyDays", "Nowhere"]);
    let verb = |id| operation(&api, id).verb.as_str();
    assert_eq!(
        (verb("list_parcels"), verb("merge_parcels"), verb("get_delivery_load")),
        ("list", "merge", "load")
    );
    let fields: Vec<_> = operation(&api, "merge_parcels")
        .parameters
        .iter()
        .map(|p| p.field.as_str())
        .collect();
    assert_eq!(fields, ["from_number", "into_number"]);
}

#[test]
fn what_is_deprecated_says_what_to_use() {
    let api = everything();
    let note = |object, name| property(&api, object, name).deprecated.as_deref();
    assert_eq!(note("ListParcelsQuery", "page"), Some("use `cursor` instead"));
    assert_eq!(note("ParcelCreation", "old"), Some("use `labels` instead"));
    assert_eq!(note("Parcel", "address"), Some("use `stops` instead"));
    assert_eq!(note("Parcel", "stops"), None);
    assert_eq!(
        operation(&api, "archive_parcel").deprecated.as_deref(),
        Some("use `delete` instead")
    );
}

#[test]
fn structs_are_shared_by_name() {
    let api = everything();
    let of = |id: &str| operation(&api, id).query.as_deref();
    assert_eq!(of("get_delivery_load"), Some("DeliveryReportQuery"));
    assert_eq!(of("get_delivery_load"), of("get_delivery_revenue"));
    let query = object(&api, "DeliveryReportQuery");
    assert_eq!(
        query.description,
        "Query parameters of [`get_delivery_load`](crate::Client::get_delivery_load), \
         [`get_delivery_revenue`](crate::Client::get_delivery_revenue); unset ones are not sent."
    );
    assert_eq!(query.required_type, object(&api, "GetDeliveryCostsQuery").required_type);
    let required = api.required_types();
    let fields = |name: &str| {
        required[name]
            .fields
            .iter()
            .map(|p| p.field.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields("ReportPeriod"), ["from_day", "to_day"]);
    assert_eq!(fields("NewParcel"), ["address", "sender", "weight"]);
    assert_eq!(fields("ParcelSourceId"), ["source_uuid", "external_id"]);
    assert_eq!(operation(&api, "delete_part").path_type.as_deref(), Some("PartPath"));
    assert_eq!(api.path_types()["MergedParcels"].fields.len(), 2);
    let arguments = |id: &str| -> Vec<_> {
        let arguments = operation(&api, id).arguments(&api);
        arguments.into_iter().map(|argument| argument.name).collect()
    };
    assert_eq!(arguments("update_parcel_by_source"), ["parcel_source_id"]);
    assert_eq!(arguments("replace_oddity_names"), ["value", "client", "kind"]);
    assert_eq!(arguments("delete_part"), ["part_path", "force"]);
    assert_eq!(arguments("create_parcel"), ["new_parcel"]);
    assert_eq!(arguments("create_medal"), ["medal_period", "new_medal"]);
}

#[test]
fn bodies_and_responses_have_their_types() {
    let api = everything();
    let body = |id| operation(&api, id).body.as_ref();
    let envelope = body("create_parcel_event").unwrap();
    assert_eq!(envelope.inner(), "ParcelEventCreation");
    assert_eq!(
        (envelope.component.as_str(), envelope.required),
        ("ParcelEventEnvelope", true)
    );
    assert_eq!(envelope.envelope.as_ref().unwrap().0, "parcel_event");
    assert!(!object(&api, "ParcelEventCreation").nested && !body("disable_parcel").unwrap().required);
    assert!(body("delete_parcel").is_some() && body("archive_parcel").is_none());
    for (name, nested) in [
        ("NewAddress", true),
        ("NewPoint", true),
        ("NewItem", true),
        ("ParcelCreation", false),
        ("ParcelAddress", false),
    ] {
        assert_eq!(object(&api, name).nested, nested, "{name}");
    }
    let groups = &object(&api, "ParcelCreation").one_of;
    assert_eq!(*groups, [vec!["owner_uuid"], vec!["source_uuid", "external_id"]]);
    assert_eq!(object(&api, "ListParcelsQuery").one_of.len(), 2);
    let response = |id| operation(&api, id).response.clone();
    assert_eq!(response("list_recent_parcels"), Some(list(reference("Parcel"))));
    assert_eq!(response("count_parcels"), Some(map(Kind::Integer)));
    assert_eq!(response("group_parcels"), Some(map(reference("Parcel"))));
    assert_eq!(response("get_parcel_settings"), Some(map(Kind::Any)));
    assert_eq!(
        (response("archive_parcel"), response("replace_parcel")),
        (None, Some(reference("Parcel")))
    );
    let destructive = ids(&api, |operation| operation.destructive);
    assert_eq!(
        destructive,
        [
            "delete_opportunity",
            "delete_part",
            "take_thing",
            "delete_parcel",
            "merge_parcels"
        ]
    );
    assert_eq!(operation(&api, "get_parcel").parameters[0].kind, Kind::Integer);
}

#[test]
fn what_a_list_and_an_update_can_do_depends_on_their_shape() {
    let api = everything();
    let pages = ids(&api, |operation| operation.pages(&api).is_some());
    assert_eq!(pages, ["list_opportunities", "list_parcels", "list_oddity_pages"]);
    let read = |id| operation(&api, id).read(&api).map(|read| read.get.id.as_str());
    assert_eq!(read("update_opportunity"), Some("get_opportunity"));
    assert_eq!(read("update_parcel"), Some("get_parcel"), "its query is optional");
    assert_eq!(
        read("update_parcel_by_source"),
        Some("get_parcel_by_source"),
        "its query is that of the update"
    );
    assert_eq!(read("update_oddity"), Some("get_oddity"));
    assert_eq!(read("update_oddities"), None, "nothing says which one");
    assert_eq!(read("update_parcel_event"), None, "nothing is read there");
    let merging = ids(&api, |operation| operation.merges_custom(&api));
    assert_eq!(merging, ["update_opportunity", "update_medal"]);
}

#[test]
fn two_operations_are_one_method_with_an_identifier() {
    let api = everything();
    let get = operation(&api, "get_pallet");
    let identified = get.identified(&api).unwrap();
    assert_eq!(identified.by_query.id, "get_pallet_by_external_id");
    assert_eq!(identified.variants(), ["Uuid", "ExternalId"]);
    let keys: Vec<_> = identified.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["data_source_uuid", "external_id"]);
    assert_eq!(get.arguments(&api)[0].name, "identifier");
    assert!(identified.by_query.identified(&api).is_none() && operation(&api, "get_parcel").identified(&api).is_none());
    let read = operation(&api, "update_pallet").read(&api).unwrap();
    assert_eq!(read.get.id, "get_pallet");
}

#[test]
fn an_object_is_not_read_by_a_query_of_alternatives() {
    let mut api = everything();
    assert_eq!(
        operation(&api, "update_parcel").read(&api).unwrap().get.id,
        "get_parcel"
    );
    let Some(Type::Object(query)) = api.types.get_mut("GetParcelQuery") else {
        panic!("no query")
    };
    query.one_of = vec![vec!["with_history".to_owned()]];
    assert!(operation(&api, "update_parcel").read(&api).is_none());
}
