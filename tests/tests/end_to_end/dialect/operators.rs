//! The filter operators beyond comparisons, lists and null.

use anyhow::Result;

use super::samples::Samples;

#[tokio::test]
async fn every_operator_and_its_negation_finds_its_rows() -> Result<()> {
    let samples = Samples::set_up().await?;
    let ids = async |query: &str| -> Result<Vec<u64>> {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&samples.read(&format!("samples?select=id&order=id&{query}")).await?)?;
        Ok(rows.iter().filter_map(|row| row["id"].as_u64()).collect())
    };
    for (filter, found, negated) in [
        ("name=match.^[aB]", &[1, 2][..], &[4][..]),
        ("name=imatch.^b", &[2], &[1, 4]),
        ("name=isdistinct.anna", &[2, 3, 4], &[1]),
        ("tags=cs.{blue}", &[1, 2], &[4]),
        ("tags=cd.{blue,green}", &[2, 4], &[1]),
        ("tags=ov.{red,green}", &[1], &[2, 4]),
        ("data=cs.{\"age\":30}", &[1], &[2, 4]),
        ("data->pets=cs.[\"dog\"]", &[1], &[2]),
        (
            "data=cd.{\"city\":null,\"age\":\"n/a\",\"it's\":true,\"more\":1}",
            &[4],
            &[1, 2],
        ),
        ("span=cs.[2,3]", &[1], &[2, 4]),
        ("span=ov.[4,6)", &[1, 2], &[4]),
        ("span=sl.[5,9)", &[1], &[2, 4]),
        ("span=sr.[5,9)", &[4], &[1, 2]),
        ("span=nxr.[2,9)", &[1, 2], &[4]),
        ("span=nxl.[5,6)", &[2, 4], &[1]),
        ("span=adj.[9,20)", &[2, 4], &[1]),
        ("words=fts.fox | sleeping", &[1, 2, 4], &[]),
        ("words=fts(english).fox%26brown", &[1], &[2, 4]),
        ("words=plfts.lazy sleeping", &[2], &[1, 4]),
        ("words=phfts(english).quick brown", &[1], &[2, 4]),
        ("words=wfts(english).fox -brown", &[4], &[1, 2]),
        ("name=fts(simple).anna", &[1], &[2, 4]),
        ("data->>city=plfts(simple).omsk", &[2], &[1]),
        ("id=eq(any).{1,3}", &[1, 3], &[2, 4]),
        ("id=gt(all).{1,2}", &[3, 4], &[1, 2]),
        ("id=lte(any).{1,2}", &[1, 2], &[3, 4]),
        ("name=like(any).{an*,*%25}", &[1, 2, 4], &[]),
        ("name=like(all).{a*,*a}", &[1], &[2, 4]),
        ("name=ilike(any).{b*}", &[2], &[1, 4]),
        ("name=match(all).{^a,a$}", &[1], &[2, 4]),
        ("data->>age=eq(any).{4,30}", &[1, 2], &[4]),
    ] {
        assert_eq!(ids(filter).await?, found, "{filter}");
        let not = filter.replacen('=', "=not.", 1);
        assert_eq!(ids(&not).await?, negated, "{not}");
        let (field, test) = filter.split_once('=').unwrap_or_default();
        if !test.contains([',', '[', '|', ')', '"']) {
            let tree = format!("and=({field}.{test},id.gt.0)");
            assert_eq!(ids(&tree).await?, found, "{tree}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_that_does_not_fit_is_refused_as_postgresql_does() -> Result<()> {
    let samples = Samples::set_up().await?;
    for (path, status, code) in [
        ("samples?id=cs.{1}", 404, "42883"),
        ("samples?tags=cs.blue", 400, "22P02"),
        ("samples?span=cs.2", 400, "22P02"),
        ("samples?span=sl.[5,1]", 400, "22000"),
        ("samples?name=sl.a", 404, "42883"),
        ("samples?name=match.(", 400, "2201B"),
        ("samples?words=fts.a b", 400, "42601"),
        ("samples?words=fts(klingon).a", 400, "42704"),
        ("samples?id=fts.a", 404, "42883"),
        ("samples?id=eq(any).1", 400, "22P02"),
        ("samples?id=neq(any).{1}", 400, "PGRST100"),
        ("samples?name=fts().a", 400, "PGRST100"),
    ] {
        assert_eq!(samples.refused(path).await?, (status, code.to_owned()), "{path}");
    }
    Ok(())
}
