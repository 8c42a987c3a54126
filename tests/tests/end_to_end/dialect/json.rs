//! Values inside JSON columns.

use anyhow::Result;

use super::samples::Samples;

#[tokio::test]
async fn json_values_are_selected_filtered_and_ordered() -> Result<()> {
    let samples = Samples::set_up().await?;
    for (path, body) in [
        (
            "samples?select=id,data->city,age:data->>age,data->pets->0,data->pets->>-1,tags->0&id=eq.1",
            r#"[{"id":1,"city":"Moscow","age":"30","pets":"cat","pets":"dog","tags":"red"}]"#,
        ),
        ("samples?select=data->>age::int&id=eq.1", r#"[{"age":30}]"#),
        ("samples?select=raw->a&id=eq.2", r#"[{"a":2}]"#),
        ("samples?select=data->>\"it's\"&id=eq.4", r#"[{"it's":"true"}]"#),
        ("samples?select=id&data->>city=eq.Omsk", r#"[{"id":2}]"#),
        ("samples?select=id&data->age=gt.10&order=id", r#"[{"id":1}]"#),
        (
            "samples?select=id&data->>city=in.(Omsk,Moscow)&order=id.desc",
            r#"[{"id":2},{"id":1}]"#,
        ),
        ("samples?select=id&data->city=eq.\"Omsk\"", r#"[{"id":2}]"#),
        (
            "samples?select=id&or=(data->at->>x.eq.2,data->>city.is.null)&order=id",
            r#"[{"id":2},{"id":3},{"id":4}]"#,
        ),
        (
            "samples?select=id&data=not.is.null&order=data->at->x.desc.nullslast",
            r#"[{"id":2},{"id":1},{"id":4}]"#,
        ),
        ("samples?select=id&tags->0=eq.\"blue\"", r#"[{"id":2}]"#),
    ] {
        assert_eq!(samples.read(path).await?, body, "{path}");
    }
    for (path, refused) in [
        ("samples?data->age=eq.nonsense", (400, "22P02")),
        ("samples?select=data->99999999999", (400, "22003")),
        ("samples?raw->a=eq.1", (404, "42883")),
        ("samples?select=nothing->a", (400, "42703")),
        ("samples?select=data->>-1x", (400, "PGRST100")),
    ] {
        let (status, code) = refused;
        assert_eq!(samples.refused(path).await?, (status, code.to_owned()), "{path}");
    }
    Ok(())
}
