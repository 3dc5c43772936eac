//! Times reading and binding of generated dbt projects of 100, 700, 1,000 and 10,000 models.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use isomer_benches::dbt::{Flavour, generate};
use isomer_frontend::ReadOptions;

fn projects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("projects");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(8));
    for n_models in [100, 700, 1_000, 10_000] {
        let generated = generate(n_models, Flavour::DuckDb, 7);
        let read = || {
            let (project, _) = isomer_frontend::read_project(&generated.files, &ReadOptions::default());
            project.expect("there are models")
        };
        group.throughput(Throughput::Elements(generated.n_lines as u64));
        group.bench_function(format!("read/{n_models}"), |bencher| bencher.iter(|| black_box(read())));
        group.bench_function(format!("bind/{n_models}"), |bencher| {
            let project = read();
            bencher.iter_batched(|| project.clone(), isomer_frontend::bind_project, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, projects);
criterion_main!(benches);
