use std::time::Instant;

use turnout_backends::{Database, Error};
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::baseline::{Baseline, LeftOut, Timings};
use crate::chosen::Chosen;
use crate::operation::Operation;

/// How often an operation is carried out before its time is taken: statements are prepared, and pages read.
const WARM_UP: u32 = 5;

/// Carries out each operation so many times on each side and takes the times. The sides take turns, operation by operation, and each of
/// them is first as often as the other, so that whatever disturbs the machine meets both. `went_on` hears of each round. An operation
/// that a side can't carry out is left out. The times are those of this process, the way to the databases included.
///
/// # Errors
/// [`Error`] if a side fails at an operation that it carried out before.
pub async fn measure(
    sides: &PerBackend<Database>,
    chosen: Chosen,
    samples: u32,
    epoch: Epoch,
    mut went_on: impl FnMut(u32),
) -> Result<Baseline, Error> {
    let Chosen {
        operations,
        mut left_out,
    } = chosen;
    let mut measured = Vec::new();
    for operation in operations {
        match warm_up(sides, &operation, epoch).await {
            Ok(()) => measured.push((operation, PerBackend::<(Vec<u32>, u64)>::default())),
            Err(error) => left_out.push(LeftOut {
                name: operation.name,
                reason: error.to_string(),
            }),
        }
    }
    for round in 0..samples {
        let order = if round % 2 == 0 {
            Backend::ALL
        } else {
            [Backend::New, Backend::Old]
        };
        for (operation, times) in &mut measured {
            for backend in order {
                let (micros, rows) = once(&sides[backend], operation, round, epoch).await?;
                times[backend].0.push(micros);
                times[backend].1 += rows;
            }
        }
        went_on(round + 1);
    }
    let timed = measured.into_iter().map(|(operation, times)| {
        let timings = times.map(|(micros, rows)| Timings::of(micros, rows));
        (operation.name, timings)
    });
    Ok(Baseline::of(samples, timed.collect(), left_out))
}

async fn warm_up(sides: &PerBackend<Database>, operation: &Operation, epoch: Epoch) -> Result<(), Error> {
    for (_, database) in sides.iter() {
        for round in 0..WARM_UP {
            once(database, operation, round, epoch).await?;
        }
    }
    Ok(())
}

/// Carries an operation out; how long it took in microseconds, and how many rows it found or wrote.
async fn once(database: &Database, operation: &Operation, round: u32, epoch: Epoch) -> Result<(u32, u64), Error> {
    let requests = &operation.requests;
    let request = &requests[usize::try_from(round).unwrap_or_default() % requests.len()];
    let began = Instant::now();
    let outcome = database.execute(&operation.repository, request, epoch).await?;
    let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
    Ok((micros, outcome.rows))
}
