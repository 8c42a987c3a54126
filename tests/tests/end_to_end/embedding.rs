//! Reads and written rows with rows of related tables in them.

mod authority;
mod random;
mod refusals;
mod salon;
mod views;
mod writes;

use anyhow::Result;
use reqwest::Method;

use salon::Salon;

#[tokio::test]
async fn related_rows_are_objects_or_arrays() -> Result<()> {
    let salon = Salon::set_up().await?;
    salon
        .check(&[
            (
                "visits?select=id,guests(name)&order=id",
                r#"[{"id":1,"guests":{"name":"Anna"}},{"id":2,"guests":{"name":"Anna"}},{"id":3,"guests":{"name":"Boris"}},{"id":4,"guests":null}]"#,
            ),
            (
                "guests?select=visits(id,price),id&order=id",
                r#"[{"id":1,"visits":[{"id":1,"price":100.00},{"id":2,"price":250.50}]},{"id":2,"visits":[{"id":3,"price":80.00}]},{"id":3,"visits":[]}]"#,
            ),
            (
                "guests?select=id,cards(*)&order=id&limit=2",
                r#"[{"id":1,"cards":{"guest_id":1,"number":"A-1"}},{"id":2,"cards":null}]"#,
            ),
            ("visits?select=id,treats(title)&id=eq.1", r#"[{"id":1,"treats":[{"title":"cut"},{"title":"wash"}]}]"#),
            (
                "guests?select=name,visits(id,master:masters!master_id(name),treats(id))&id=eq.1",
                r#"[{"name":"Anna","visits":[{"id":1,"master":{"name":"Olga"},"treats":[{"id":1},{"id":2}]},{"id":2,"master":{"name":"Pavel"},"treats":[{"id":3}]}]}]"#,
            ),
            (
                "guests?select=id,guests(id)&id=eq.1",
                r#"[{"id":1,"guests":[{"id":2},{"id":3}]}]"#,
            ),
            ("guests?select=id,by:referred_by(name)&id=eq.2", r#"[{"id":2,"by":{"name":"Anna"}}]"#),
            (
                "visits?select=id,helped(name),masters!visits_master_id_fkey(id)&id=eq.1",
                r#"[{"id":1,"helped":{"name":"Pavel"},"masters":{"id":1}}]"#,
            ),
            (
                "guests?select=id,visit_list(number)&id=eq.2",
                r#"[{"id":2,"visit_list":[{"number":3}]}]"#,
            ),
            ("guests?select=&limit=2", "[{},{}]"),
        ])
        .await
}

#[tokio::test]
async fn functions_of_rows_are_columns_and_relationships() -> Result<()> {
    let salon = Salon::set_up().await?;
    salon
        .check(&[
            ("visits?select=*,label&id=eq.3", r#"[{"id":3,"guest_id":2,"master_id":1,"helper_id":null,"price":80.00,"label":"3/80.00"}]"#),
            ("visits?select=l:label&label=like.*250*&order=label", r#"[{"l":"2/250.50"}]"#),
            (
                "guests?select=id,dear_visits(id,label),first_master(name)&order=id",
                r#"[{"id":1,"dear_visits":[{"id":2,"label":"2/250.50"}],"first_master":{"name":"Olga"}},{"id":2,"dear_visits":[],"first_master":{"name":"Olga"}},{"id":3,"dear_visits":[],"first_master":null}]"#,
            ),
        ])
        .await
}

#[tokio::test]
async fn embedded_rows_are_filtered_ordered_and_limited() -> Result<()> {
    let salon = Salon::set_up().await?;
    salon
        .check(&[
            (
                "guests?select=id,visits(id)&visits.price=gt.90&visits.order=id.desc&order=id",
                r#"[{"id":1,"visits":[{"id":2},{"id":1}]},{"id":2,"visits":[]},{"id":3,"visits":[]}]"#,
            ),
            (
                "guests?select=id,v:visits(id)&v.order=id.desc&v.limit=1&id=eq.1",
                r#"[{"id":1,"v":[{"id":2}]}]"#,
            ),
            (
                "guests?select=id,visits(id)&visits.order=id&visits.offset=1&id=eq.1",
                r#"[{"id":1,"visits":[{"id":2}]}]"#,
            ),
            (
                "guests?select=id,visits(id,treats(id))&visits.treats.or=(id.eq.2,title.eq.dye)&visits.order=id&id=eq.1",
                r#"[{"id":1,"visits":[{"id":1,"treats":[{"id":2}]},{"id":2,"treats":[{"id":3}]}]}]"#,
            ),
            ("visits?select=id,guests(name)&order=guests(name).desc.nullslast,id", r#"[{"id":3,"guests":{"name":"Boris"}},{"id":1,"guests":{"name":"Anna"}},{"id":2,"guests":{"name":"Anna"}},{"id":4,"guests":null}]"#),
        ])
        .await
}

#[tokio::test]
async fn rows_are_chosen_by_their_related_rows() -> Result<()> {
    let salon = Salon::set_up().await?;
    salon
        .check(&[
            (
                "guests?select=id,visits!inner(id)&visits.price=lt.90",
                r#"[{"id":2,"visits":[{"id":3}]}]"#,
            ),
            ("visits?select=id,guests!inner()&guests.name=eq.Boris", r#"[{"id":3}]"#),
            (
                "guests?select=id,visits!inner(treats!inner(id))&visits.treats.title=eq.dye",
                r#"[{"id":1,"visits":[{"treats":[{"id":3}]}]}]"#,
            ),
            ("guests?select=id,visits()&visits=is.null", r#"[{"id":3}]"#),
            (
                "guests?select=id,visits()&visits=not.is.null&order=id",
                r#"[{"id":1},{"id":2}]"#,
            ),
            (
                "guests?select=id,cards(),visits()&or=(cards.not.is.null,visits.is.null)&order=id",
                r#"[{"id":1},{"id":3}]"#,
            ),
        ])
        .await?;
    let headers = [("prefer", "count=exact")];
    let answer = salon
        .ask(
            Method::GET,
            "guests?select=id,visits!inner(id)&order=id&limit=1",
            &headers,
            None,
        )
        .await?;
    assert_eq!((answer.status.as_u16(), answer.header("content-range")), (206, "0-0/2"));
    assert_eq!(
        answer.header("content-location"),
        "/guests?limit=1&order=id&select=id%2Cvisits%21inner%28id%29"
    );
    let headers = [("accept", "application/vnd.pgrst.object+json")];
    let answer = salon
        .ask(Method::GET, "guests?select=name,cards(number)&id=eq.1", &headers, None)
        .await?;
    assert_eq!(answer.text, r#"{"name":"Anna","cards":{"number":"A-1"}}"#);
    Ok(())
}

#[tokio::test]
async fn related_rows_are_spread_into_columns() -> Result<()> {
    let salon = Salon::set_up().await?;
    salon
        .check(&[
            (
                "visits?select=id,...guests(guest:name,...cards(number))&order=id",
                r#"[{"id":1,"guest":"Anna","number":"A-1"},{"id":2,"guest":"Anna","number":"A-1"},{"id":3,"guest":"Boris","number":null},{"id":4,"guest":null,"number":null}]"#,
            ),
            (
                "guests?select=name,...visits(visits:id,price)&visits.order=id.desc&order=id",
                r#"[{"name":"Anna","visits":[2, 1],"price":[250.50, 100.00]},{"name":"Boris","visits":[3],"price":[80.00]},{"name":"Vera","visits":[],"price":[]}]"#,
            ),
            (
                "visits?select=id,visit_treats(...treats(*))&id=eq.1",
                r#"[{"id":1,"visit_treats":[{"id":1,"title":"cut"},{"id":2,"title":"wash"}]}]"#,
            ),
        ])
        .await
}

#[tokio::test]
async fn aggregates_of_tables_that_are_spread_are_of_the_table_around() -> Result<()> {
    let salon = Salon::set_up().await?;
    salon
        .check(&[
            (
                "visits?select=count(),...guests(name)&guest_id=eq.1",
                r#"[{"count":2,"name":"Anna"}]"#,
            ),
            (
                "visits?select=master_id,...guests(guests:count(),last:id.max()::text)&order=master_id",
                r#"[{"master_id":1,"guests":2,"last":"2"},{"master_id":2,"guests":1,"last":"1"}]"#,
            ),
            (
                "guests?select=id,visits(price.sum(),...masters!master_id(name,who:id.sum()))&id=eq.1&visits.id=eq.2",
                r#"[{"id":1,"visits":[{"sum":250.50,"name":"Pavel","who":2}]}]"#,
            ),
        ])
        .await?;
    let refused = salon
        .ask(Method::GET, "guests?select=id,...visits(id.sum())", &[], None)
        .await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (400, &"PGRST127".into())
    );
    Ok(())
}
