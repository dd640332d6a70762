//! A whole network on real processes and a real container engine, from nothing to the page and back.

mod bad_input;
mod continuity;
mod flow;
mod ports;
mod removal;

use std::process::ExitCode;

use iofog_tests::scenario::{Report, Scenario, say};
use iofog_tests::world::World;
use xtask::tools::docker::Docker;

const SCENARIOS: &[Scenario<World>] = &[
    Scenario { name: "flow::comes_up_from_nothing", run: flow::comes_up_from_nothing },
    Scenario { name: "flow::page_opens_through_public_port", run: flow::page_opens },
    Scenario { name: "flow::messages_arrive_in_order", run: flow::messages_arrive_in_order },
    Scenario { name: "flow::agents_keep_to_their_own_network", run: flow::own_networks },
    Scenario { name: "flow::up_again_changes_nothing", run: flow::up_again_changes_nothing },
    Scenario { name: "bad_input::provisioning", run: bad_input::provisioning },
    Scenario { name: "bad_input::tokens", run: bad_input::tokens },
    Scenario { name: "bad_input::malformed_bodies", run: bad_input::malformed_bodies },
    Scenario { name: "bad_input::unknown_agent", run: bad_input::unknown_agent },
    Scenario { name: "bad_input::unknown_image", run: bad_input::unknown_image },
    Scenario { name: "continuity::consumer_agent_killed", run: continuity::consumer_agent_killed },
    Scenario {
        name: "continuity::publisher_agent_killed",
        run: continuity::publisher_agent_killed,
    },
    Scenario { name: "continuity::system_agent_killed", run: continuity::system_agent_killed },
    Scenario { name: "continuity::router_cut_off", run: continuity::router_cut_off },
    Scenario { name: "continuity::controller_restarted", run: continuity::controller_restarted },
    Scenario { name: "ports::conflicts_refused", run: ports::conflicts_refused },
    Scenario { name: "ports::removed_and_given_again", run: ports::removed_and_given_again },
    Scenario {
        name: "ports::moves_with_its_microservice",
        run: ports::moves_with_its_microservice,
    },
    Scenario { name: "ports::entered_at_either_gateway", run: ports::entered_at_either_gateway },
    Scenario {
        name: "ports::others_come_and_go_beside_an_open_connection",
        run: ports::others_come_and_go_beside_an_open_connection,
    },
    Scenario { name: "ports::survives_its_microservice", run: ports::survives_its_microservice },
    Scenario { name: "ports::follows_its_router", run: ports::follows_its_router },
    Scenario { name: "removal::application_deleted", run: removal::application_deleted },
    Scenario { name: "removal::foreign_container_untouched", run: removal::foreign_untouched },
    Scenario { name: "removal::down_keeps_ids_and_up_returns", run: removal::down_and_up },
    Scenario { name: "removal::killed_up_is_adopted", run: removal::killed_up_is_adopted },
    Scenario {
        name: "removal::interrupt_stops_everything",
        run: removal::interrupt_stops_everything,
    },
    Scenario { name: "removal::purge_leaves_nothing", run: removal::purge },
];

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    let mut report = Report::default();
    if !Docker::from_environment().answers() {
        for scenario in SCENARIOS {
            report.skip(scenario.name, "no container engine answers");
        }
        return exit(&report);
    }
    let mut world = World::new();
    if let Err(error) = world.down(true) {
        say(&format!("what an earlier run left cannot be removed: {error:#}"));
    }
    let (first, rest) = (&SCENARIOS[0], &SCENARIOS[1..]);
    let mut intact = report.run(&mut world, first);
    if intact {
        for scenario in rest.iter().filter(|scenario| wanted(scenario.name)) {
            intact &= report.run(&mut world, scenario);
        }
    } else {
        for scenario in rest {
            report.skip(scenario.name, "the network did not come up");
        }
    }
    if !intact {
        say(&world.logs());
    }
    if let Err(error) = world.down(true) {
        say(&format!("cannot clean up: {error:#}"));
    }
    exit(&report)
}

fn exit(report: &Report) -> ExitCode {
    if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
