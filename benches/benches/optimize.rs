//! Times each stage on each TPC-H query alone and on all of them as one project.
//!
//! Groups are stages, ids within a group are `q01` to `q22` and `all`. Inputs are made outside the
//! timed loop, and dropping them is not timed either.

use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main, measurement::WallTime,
};
use isomer_benches::{
    Workload, bind, builtin_rules, compile, emit_sql, emit_substrait, optimize, optimize_within, whole,
};
use isomer_ir::{BoundProject, Dialect, Pipeline};
use isomer_rules::{CompiledRule, RuleSet};

/// A workload with the outcome of every stage, from which each benchmark takes its input.
struct Ready {
    workload: Workload,
    bound: BoundProject,
    compiled: Vec<CompiledRule>,
    /// The project after the optimizer has run: shared relations are in its catalog.
    optimised: BoundProject,
    pipeline: Pipeline,
}

impl Ready {
    fn new(workload: Workload, rules: &RuleSet) -> Self {
        let mut bound = bind(workload.read());
        let compiled = compile(rules, &mut bound);
        let mut optimised = bound.clone();
        let pipeline = optimize(&mut optimised, &compiled);
        Self { workload, bound, compiled, optimised, pipeline }
    }
}

fn stages(criterion: &mut Criterion) {
    let rules = builtin_rules();
    let ready: Vec<Ready> = isomer_benches::tpch().into_iter().map(|workload| Ready::new(workload, &rules)).collect();
    group(criterion, "read", &ready, |bencher, ready| bencher.iter(|| ready.workload.read()));
    group(criterion, "bind", &ready, |bencher, ready| {
        let project = ready.workload.read();
        bencher.iter_batched(|| project.clone(), bind, BatchSize::SmallInput);
    });
    group(criterion, "optimize", &ready, |bencher, ready| {
        let input = || ready.bound.clone();
        bencher.iter_batched_ref(input, |bound| optimize(bound, &ready.compiled), BatchSize::SmallInput);
    });
    group(criterion, "optimize_without_saturation", &ready, |bencher, ready| {
        let input = || ready.bound.clone();
        bencher.iter_batched_ref(input, |bound| optimize_within(0, bound, &ready.compiled), BatchSize::SmallInput);
    });
    for dialect in Dialect::WRITTEN {
        group(criterion, &format!("to_sql_{dialect}"), &ready, |bencher, ready| {
            let input = || ready.optimised.clone();
            bencher.iter_batched_ref(input, |bound| emit_sql(&ready.pipeline, bound, dialect), BatchSize::SmallInput);
        });
    }
    group(criterion, "to_substrait", &ready, |bencher, ready| {
        let input = || ready.optimised.clone();
        bencher.iter_batched_ref(input, |bound| emit_substrait(&ready.pipeline, bound), BatchSize::SmallInput);
    });
    group(criterion, "whole", &ready, |bencher, ready| {
        let project = ready.workload.read();
        bencher.iter_batched(|| project.clone(), |project| whole(project, &rules), BatchSize::SmallInput);
    });
}

fn group(
    criterion: &mut Criterion,
    name: &str,
    ready: &[Ready],
    time: impl Fn(&mut criterion::Bencher<'_, WallTime>, &Ready),
) {
    let mut group = brief(criterion.benchmark_group(name));
    for ready in ready {
        group.bench_with_input(&ready.workload.id, ready, |bencher, ready| time(bencher, ready));
    }
    group.finish();
}

/// Short runs: some two hundred benchmarks have to end within minutes.
fn brief(mut group: BenchmarkGroup<'_, WallTime>) -> BenchmarkGroup<'_, WallTime> {
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .nresamples(2_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    group
}

fn rule_loading(criterion: &mut Criterion) {
    let mut group = brief(criterion.benchmark_group("rules"));
    group.bench_function("parse", |bencher| bencher.iter(builtin_rules));
    let rules = builtin_rules();
    let workloads = isomer_benches::tpch();
    let bound = bind(workloads[0].read());
    group.bench_function("compile", |bencher| {
        bencher.iter_batched_ref(|| bound.clone(), |bound| compile(&rules, bound), BatchSize::SmallInput);
    });
    group.bench_function("parse_and_compile", |bencher| {
        let load = |bound: &mut BoundProject| compile(&black_box(builtin_rules()), bound);
        bencher.iter_batched_ref(|| bound.clone(), load, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, rule_loading, stages);
criterion_main!(benches);
