//! A pipeline from the command line: words to a request, the engine around it, a code out of it.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

use super::annotations::Annotations;
use super::args::PipelineArgs;
use super::terminal::Terminal;
use super::{binding, confirm, diagnose, dry_run, signals, stacks, tool_completion};
use crate::engine::open_project;
use crate::env::{Clock, Environment};
use crate::git::Repo;
use crate::process::Interrupts;
use crate::report::{Ci, CiService, EventsError, Human, Json, ReportFile};
use crate::workflow::parse::{self, ParseError, Vocabulary};
use crate::workflow::{Options, Report, Request, planner};
use crate::{Engine, Error, steps};

/// Runs a pipeline, or one for each of several workflows of stages, and says what went wrong, if anything did.
pub(super) fn run(args: PipelineArgs, separated: bool, env: Environment, terminal: Terminal) -> u8 {
    let one = |args| run_one(args, separated, env.clone(), terminal);
    let several = stacks::several(&args, &env);
    let ended = several.and_then(|several| match several {
        Some(several) => stacks::run(&args, &several, terminal, one),
        None => Ok(one(args.clone())),
    });
    match ended {
        Ok(code) => code,
        Err(error @ Error::Declined) => {
            terminal.say(&error.to_string());
            error.exit_code()
        }
        Err(error) => diagnose::print(&error, &args.words, terminal),
    }
}

fn run_one(args: PipelineArgs, separated: bool, env: Environment, terminal: Terminal) -> u8 {
    let line: Vec<OsString> = args.words.clone();
    let annotations = Annotations::new(&env);
    match try_run(args, separated, env, terminal) {
        Ok(End::Code(code)) => code,
        Ok(End::Run(report, events)) => {
            diagnose::print_report(&report, &line, terminal);
            annotations.report(&report, terminal);
            match events {
                // What failed before is what the user has to know first.
                Some(failure) if has_failed(&report) => {
                    terminal.warning(&format!("{:#}", anyhow::Error::new(failure)));
                    report.exit_code
                }
                Some(failure) => diagnose::print_any(&failure.into(), terminal),
                None => report.exit_code,
            }
        }
        Err(error) => match error.downcast::<Error>() {
            Ok(error @ Error::Declined) => {
                terminal.say(&error.to_string());
                error.exit_code()
            }
            Ok(error) => {
                let code = diagnose::print(&error, &line, terminal);
                annotations.error("lockstep", &error, terminal);
                code
            }
            Err(error) => diagnose::print_any(&error, terminal),
        },
    }
}

/// Whether anything of a run went wrong: its code may tell of changes as well.
fn has_failed(report: &Report) -> bool {
    let went_wrong = !report.left_out.is_empty() || report.units.iter().any(|unit| unit.error.is_some());
    report.exit_code != 0 && went_wrong
}

/// How a pipeline's line ended.
enum End {
    /// There was a run; what it reports, and why not all of its events could be written.
    Run(Box<Report>, Option<EventsError>),
    /// There was none, and nothing went wrong.
    Code(u8),
}

fn try_run(args: PipelineArgs, separated: bool, env: Environment, terminal: Terminal) -> anyhow::Result<End> {
    let request = request(&args, separated, &env)?;
    if let Some(code) = tool_completion::answer(&request, &env) {
        return Ok(End::Code(code));
    }
    if let Some(root) = &args.options.only_in {
        binding::check_home(root, &request, &env).map_err(Error::from)?;
    }
    let interrupts = Interrupts::new();
    let (cwd, dry) = (env.cwd().to_owned(), env.clone());
    let ci = CiService::detect(&env).map(|service| Ci::new(service, &env, Clock::System, std::io::stderr()));
    let report = args.options.many.report.as_ref();
    let report = report.map(|target| ReportFile::new(target, &cwd).map(Arc::new)).transpose()?;
    let mut engine = Engine::new(env).interrupts(interrupts.clone());
    if args.options.dry_run {
        let (project, plan) = engine.plan(&request)?;
        // Where a push goes is worth telling; without a repository there is none.
        let repo = Repo::discover(project.root(), &dry, &interrupts).ok().flatten();
        terminal.say(&dry_run::show(&project, &plan, &dry, repo.as_ref()));
        return Ok(End::Code(0));
    }
    // Before the one for people: what they read after a command must not be folded away with it.
    if let Some(ci) = ci {
        engine = engine.reporter(Arc::new(ci));
    }
    let human = Human::new(std::io::stderr(), terminal.level, terminal.color, terminal.live);
    let human = Arc::new(human.output(std::io::stdout(), terminal.color_data));
    engine = engine.reporter(human.clone()).lines(human.lines());
    if let Some(report) = &report {
        report.remove_earlier()?;
        engine = engine.reporter(report.clone());
    }
    let events = args.options.events.as_ref();
    let events = events.map(|target| Json::open(target, &cwd).map(Arc::new)).transpose()?;
    if let Some(events) = &events {
        engine = engine.reporter(events.clone());
    }
    let mut sink = terminal.sink();
    sink.write = sink.write.map(|write| human.before_data(write));
    engine = engine.output(sink).terminal(std::io::stdin().is_terminal());
    if terminal.interactive {
        let interrupted = interrupts.clone();
        // Units that run beside each other may both have something to ask.
        let one_at_a_time = Mutex::new(());
        let ask = Arc::new(move |question: &str| {
            let _turn = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
            human.before_a_question();
            let answer = terminal.ask(question, &interrupted);
            human.after_a_question();
            answer
        });
        engine = engine.ask(ask.clone());
        if !args.options.many.yes {
            engine = engine.confirm(Arc::new(move |project, plan| {
                let question = confirm::question(project, plan);
                question.is_none_or(|question| ask(&question).is_some_and(|answer| confirm::is_yes(&answer)))
            }));
        }
    }
    // Before anything is done: from here on a signal ends the run in order, never in the middle.
    let _handlers = signals::install(&interrupts).context("cannot handle signals")?;
    let run = engine.run(&request)?;
    if let Some(failure) = report.and_then(|report| report.failure()) {
        terminal.warning(&format!("{:#}", anyhow::Error::new(failure)));
    }
    Ok(End::Run(Box::new(run), events.and_then(|events| events.failure())))
}

fn request(args: &PipelineArgs, separated: bool, env: &Environment) -> Result<Request, Error> {
    if !separated {
        return Err(no_separator(&args.words, env));
    }
    if args.words.is_empty() {
        return Err(ParseError::NoWords.into());
    }
    let (module, profile, rest) = parse::after_separator(&args.rest)?;
    let options = &args.options;
    let mut request = Request::new(env.cwd(), args.words.clone(), module, profile).args(rest);
    request.options = Options {
        force: options.force,
        accept_rewrite: options.accept_rewrite,
        read: options.read,
        check: options.check,
        print: options.print.clone(),
        json: options.json,
        branch: options.branch.clone(),
        reason: options.reason.clone(),
        expect: options.expect,
        wait: options.wait,
        set: options.set.clone(),
        params: options.params.iter().map(|path| env.cwd().join(path)).collect(),
        ..Options::default()
    };
    options.many.put_into(&mut request.options);
    options.stages.put_into(&mut request.options);
    Ok(request)
}

/// Without `--` the words may still be wrong in a way that is better told first; and if they are
/// right, the message can show where `--` belongs.
fn no_separator(words: &[OsString], env: &Environment) -> Error {
    let names = open_project(env.cwd(), env, &Interrupts::new()).and_then(|project| planner::names(&project));
    let [workflows, modules, profiles] = names.unwrap_or_default();
    let vocabulary =
        Vocabulary { steps: steps::STEPS, workflows: &workflows, modules: &modules, profiles: &profiles };
    let wrong = words
        .iter()
        .enumerate()
        .find_map(|(at, word)| Some((at, parse::word(word, vocabulary, None).err()?)));
    match wrong {
        Some((0, error @ ParseError::Unknown { .. })) => return error.into(),
        Some((_, error @ ParseError::Unknown { nearest: Some(_), .. })) => return error.into(),
        _ => {}
    }
    ParseError::NoSeparator { better: parse::with_separator(words, &[], vocabulary) }.into()
}
