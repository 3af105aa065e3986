"""Runs cases in Dagster: one JSON object a line on standard input, and one with what happened on standard output."""

import json
import logging
import os
import pickle
import shutil
import sys
import tempfile

os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
logging.disable(logging.CRITICAL)

from dagster import (  # noqa: E402
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    DagsterInstance,
    DependencyDefinition,
    FilesystemIOManager,
    GraphDefinition,
    In,
    InputMapping,
    MultiDependencyDefinition,
    Nothing,
    OpDefinition,
    Out,
    Output,
    OutputMapping,
    SourceAsset,
    materialize,
)
from dagster import NodeInvocation  # noqa: E402
from dagster._core.definitions.composition import MappedInputPlaceholder  # noqa: E402

MODULUS = 10_007


def total_of(inputs, values):
    """As written in spec/conformance/README.md."""

    def weigh(value):
        return sum((j + 1) * e for j, e in enumerate(value)) if isinstance(value, list) else value

    read = [name for name, kind in inputs if kind != "nothing"]
    return sum((i + 1) * weigh(values[name]) for i, name in enumerate(read))


def emitted_by(spec, total, selected):
    for n, (name, required) in enumerate(spec["outs"]):
        of = total % 3 if spec["body"] == "collapse" else total
        value = (spec["k"] + 31 * n + of) % MODULUS
        body = spec["body"]
        if body == "selected" and name not in selected:
            continue
        if body == "data" and not required and value % 3 == 0:
            continue
        if body == "omit" and value % 3 == 0:
            continue
        yield Output(value, output_name=name)


def op_of(name, spec, told):
    def compute(context, inputs):
        step = bare(".".join(context.node_handle.path))
        selected = set(context.selected_output_names)
        told[step] = sorted(selected)
        total = total_of(spec["ins"], inputs)
        if spec["body"] == "fail" and total % 5 == 0:
            raise ValueError("divisible by 5")
        yield from emitted_by(spec, total, selected)

    return OpDefinition(
        name=name,
        ins={port: In(Nothing) if kind == "nothing" else In() for port, kind in spec["ins"]},
        outs={port: Out(is_required=required) for port, required in spec["outs"]},
        compute_fn=compute,
    )


def bare(key):
    """Keys of steps are prefixed with the name of the graph: here as Sluice prints them."""
    definition, path = key.split(".", 1)
    return f"{definition}:{path}"


def graph_of(graph, ops):
    nodes, dependencies, input_mappings = {}, {}, []
    for step in graph["steps"]:
        node = ops[step["op"]] if "op" in step else graph_of(step["graph"], ops)
        nodes[node.name] = node
        wires = {}

        def mapped(ref, port, index=None, to=step["name"]):
            input_mappings.append(
                InputMapping(
                    graph_input_name=ref["input"], mapped_node_name=to, mapped_node_input_name=port, fan_in_index=index
                )
            )

        for port, ref in step["in"].items():
            if isinstance(ref, list):
                entries = []
                for index, each in enumerate(ref):
                    if "input" in each:
                        mapped(each, port, index)
                        entries.append(MappedInputPlaceholder)
                    else:
                        entries.append(DependencyDefinition(each["step"], each["out"]))
                wires[port] = MultiDependencyDefinition(entries)
            elif "input" in ref:
                mapped(ref, port)
            else:
                wires[port] = DependencyDefinition(ref["step"], ref["out"])
        dependencies[NodeInvocation(node.name, alias=step["name"])] = wires
    outputs = [
        OutputMapping(graph_output_name=name, mapped_node_name=ref["step"], mapped_node_output_name=ref["out"])
        for name, ref in graph["outputs"].items()
    ]
    return GraphDefinition(
        name=graph["name"],
        node_defs=list(nodes.values()),
        dependencies=dependencies,
        input_mappings=input_mappings,
        output_mappings=outputs,
    )


def causes_of(error):
    while error is not None:
        yield f"{type(error).__name__}: {error}"[:300]
        error = error.__cause__ or error.__context__


def run(case, select, folder):
    told = {}
    try:
        ops = {name: op_of(name, spec, told) for name, spec in case["ops"].items()}
        assets = [AssetsDefinition.from_graph(graph_of(graph, ops), can_subset=True) for graph in case["graphs"]]
        sources = [SourceAsset(key) for key in case["upstream"]]
        result = materialize(
            [*assets, *sources],
            selection=AssetSelection.assets(*[AssetKey(key) for key in select]),
            instance=DagsterInstance.ephemeral(),
            resources={"io_manager": FilesystemIOManager(base_dir=folder)},
            raise_on_error=False,
        )
    except Exception as error:  # noqa: BLE001 - whatever it refuses is told
        return {"refused": type(error).__name__, "message": " ← ".join(causes_of(error))}
    failed, materialized, skipped = {}, {}, []
    for event in result.all_events:
        kind = event.event_type_value
        if kind == "STEP_FAILURE":
            error = event.event_specific_data.error
            failed[event.step_key] = {"error": error.cls_name, "message": error.message[:300]}
        elif kind == "STEP_SKIPPED":
            skipped.append(event.step_key)
        elif kind == "ASSET_MATERIALIZATION":
            key = event.asset_key.path[-1]
            with open(os.path.join(folder, key), "rb") as file:
                materialized[key] = pickle.load(file)
    return {
        "success": result.success,
        "executed": sorted(told),
        "selectedOutputs": told,
        "failed": {bare(key): error for key, error in failed.items()},
        "skipped": sorted(bare(key) for key in skipped),
        "materialized": materialized,
    }


def play(case):
    results = []
    for select in case["selections"]:
        folder = tempfile.mkdtemp()
        for key, value in case["stored"].items():
            with open(os.path.join(folder, key), "wb") as file:
                pickle.dump(value, file)
        results.append(run(case, select, folder))
        shutil.rmtree(folder)
    return results


for line in sys.stdin:
    print(json.dumps(play(json.loads(line))), flush=True)
