//! Pages of lists.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_list_begins_with_the_newest_and_ends_though_it_is_copied() {
    let shared = strict();
    for name in ["A", "B", "C"] {
        plan(&shared, name);
    }
    let (mut names, mut cursor) = (String::new(), String::new());
    loop {
        let (_, page, _) = ask(&shared, &format!("GET /v1/plans?per_page=2{cursor}"), "");
        for one in page["plans"].as_array().unwrap() {
            names += one["name"].as_str().unwrap();
            plan(&shared, "copy");
        }
        if page["has_more"] == false {
            break;
        }
        cursor = format!(
            "&{}",
            serde_urlencoded::to_string([("cursor", page["cursor"].as_str().unwrap())]).unwrap()
        );
    }
    assert_eq!(names, "CBA");
    let (_, none, _) = ask(&shared, "GET /v1/plans?external_id=x", "");
    assert_eq!(
        none,
        json!({ "plans": [], "current_page": 1, "total_pages": 0, "cursor": null, "has_more": false })
    );
}

#[test]
fn a_first_page_has_the_fields_from_before_cursors() {
    let shared = strict();
    for name in ["A", "B", "C"] {
        plan(&shared, name);
    }
    let sample = shared.state.collection("customers").insert_sample("cus_1").unwrap();
    let email = sample["email"].as_str().unwrap();
    for (path, expected) in [
        ("plans?per_page=2", json!({ "current_page": 1, "total_pages": 2 })),
        ("plans", json!({ "current_page": 1, "total_pages": 1 })),
        ("invoices", json!({ "current_page": 1, "total_pages": 0 })),
        (
            "import/customers/cus_1/invoices",
            json!({ "current_page": 1, "total_pages": 0, "customer_uuid": "cus_1" }),
        ),
        (
            "customers",
            json!({ "current_page": 1, "total_pages": 1, "page": 1, "per_page": 200 }),
        ),
        (
            "customers?external_id=x",
            json!({ "current_page": 1, "total_pages": 1, "page": 1, "per_page": 200 }),
        ),
        (
            &format!("customers/search?per_page=1&email={email}"),
            json!({ "current_page": 1, "total_pages": null, "page": 1, "per_page": 1 }),
        ),
        ("opportunities", json!({})),
    ] {
        let (_, mut page, _) = ask(&shared, &format!("GET /v1/{path}"), "");
        let list = page.as_object_mut().unwrap();
        list.retain(|name, value| !value.is_array() && !["cursor", "has_more"].contains(&name.as_str()));
        assert_eq!(page, expected, "{path}");
    }
    let (_, first, _) = ask(&shared, "GET /v1/plans?per_page=2", "");
    let cursor = serde_urlencoded::to_string([("cursor", first["cursor"].as_str().unwrap())]).unwrap();
    let (_, next, _) = ask(&shared, &format!("GET /v1/plans?per_page=2&{cursor}"), "");
    let names: BTreeSet<_> = next.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["cursor", "has_more", "plans"]));
}
