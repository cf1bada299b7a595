//! The flows: every way in which a call goes, its times thrown.

use super::dice::Dice;
use super::script::{CalleeScript, CallerScript, Decision, Do, Reinvited, Script, Steps};

/// A callee that rings for ever gives up in the end, long after Timer C of the edge.
const CALLEE_PATIENCE_MS: u64 = 250_000;

/// What a flow changes in the plainest call: answered after a while, hung up by the caller.
type Change = fn(&mut Script, &mut Dice);

/// Every flow by its name.
pub const FLOWS: &[(&str, Change)] = &[
    ("answered, the caller hangs up", |_, _| {}),
    ("answered, the callee hangs up", |script, dice| {
        script.callers[0].when_answered = Vec::new();
        script.callees[0].when_acknowledged = vec![(hold(dice), Do::HangUp)];
    }),
    ("answered, both hang up", |script, dice| {
        let at_ms = hold(dice);
        script.callers[0].when_answered = vec![(at_ms, Do::HangUp)];
        script.callees[0].when_acknowledged = vec![(at_ms + dice.below(20), Do::HangUp)];
    }),
    ("answered at once without a provisional response", |script, dice| alpha(script, vec![(dice.below(300), Do::Answer(200, 0))])),
    ("busy", |script, dice| alpha(script, vec![(dice.below(300), Do::Try), (dice.between(400, 3_000), Do::Answer(486, 0))])),
    ("busy after ringing", |script, dice| {
        alpha(script, vec![(dice.below(300), Do::Ring(0)), (dice.between(400, 3_000), Do::Answer(486, 0))])
    }),
    ("declined everywhere", |script, dice| alpha(script, vec![(dice.below(300), Do::Answer(603, 0))])),
    ("no answer", |script, dice| {
        alpha(script, vec![(dice.below(300), Do::Try), (dice.between(300, 2_000), Do::Ring(0))]);
        script.callers[0].when_ringing = vec![(dice.between(5_000, 40_000), Do::Cancel)];
    }),
    ("rings for ever", |script, dice| alpha(script, vec![(dice.below(300), Do::Ring(0))])),
    ("failed after ringing", |script, dice| {
        alpha(script, vec![(dice.below(300), Do::Ring(0)), (dice.between(500, 3_000), Do::Answer(503, 0))])
    }),
    ("cancelled before anybody said anything", |script, dice| {
        script.callees[0].when_invited = slowly(dice);
        script.callers[0].plan.push((dice.below(30), Do::Cancel));
    }),
    ("cancelled before the decision", |script, dice| {
        script.decision = Decision::Route { after_ms: dice.between(100, 4_000) };
        script.callers[0].plan.push((dice.below(4_000), Do::Cancel));
    }),
    ("cancelled after 100 of the carrier", |script, dice| {
        alpha(script, vec![(dice.below(50), Do::Try), (6_000, Do::Ring(0)), (9_000, Do::Answer(200, 0))]);
        script.callers[0].plan.push((dice.between(100, 5_500), Do::Cancel));
    }),
    ("cancelled while it rings", |script, dice| {
        script.callers[0].when_ringing = vec![(dice.below(2_500), Do::Cancel)];
    }),
    ("cancelled while the answer comes", |script, dice| {
        alpha(script, vec![(0, Do::Ring(0)), (1_000, Do::Answer(200, 0))]);
        script.callers[0].plan.push((dice.between(900, 1_150), Do::Cancel));
    }),
    ("cancelled, and the callee does not care", |script, dice| {
        script.callees[0].ignores_cancel = true;
        script.callers[0].when_ringing = vec![(dice.below(2_000), Do::Cancel)];
    }),
    ("the first gateway is silent", |script, _| alpha(script, Vec::new())),
    ("both gateways are silent", |script, _| {
        alpha(script, Vec::new());
        script.callees[1].when_invited = Vec::new();
    }),
    ("the first gateway is out of order", |script, dice| alpha(script, vec![(dice.below(500), Do::Answer(503, 0))])),
    ("the first gateway refuses by ICMP", |script, _| script.callees[0].is_refusing = true),
    ("both gateways refuse by ICMP", |script, _| {
        script.callees[0].is_refusing = true;
        script.callees[1].is_refusing = true;
    }),
    ("all gateways fail", |script, dice| {
        let status = dice.pick(&[500, 502, 503, 504, 302, 407]);
        alpha(script, vec![(dice.below(500), Do::Answer(status, 0))]);
        script.callees[1].when_invited = vec![(dice.below(100), Do::Try), (dice.between(200, 900), Do::Answer(503, 0))];
    }),
    ("100 and then nothing", |script, dice| alpha(script, vec![(dice.below(200), Do::Try)])),
    ("100 and then nothing, and no end of it", |script, dice| {
        alpha(script, vec![(dice.below(200), Do::Try)]);
        script.callees[0].ignores_cancel = true;
    }),
    ("the first gateway answers when it has been given up", |script, dice| {
        let rings = dice.is_hit(50);
        let at_ms = dice.between(2_900, 9_000);
        let ringing = if rings { vec![(at_ms, Do::Ring(0))] } else { Vec::new() };
        alpha(script, [ringing, vec![(at_ms + dice.below(800), Do::Answer(200, 0))]].concat());
        script.callees[0].ignores_cancel = dice.is_hit(50);
    }),
    ("forked early dialogs, one answer", |script, dice| {
        alpha(script, vec![(50, Do::Ring(0)), (dice.between(60, 400), Do::Ring(1)), (dice.between(1_000, 3_000), Do::Answer(200, 0))]);
    }),
    ("forked answers", |script, dice| {
        let at_ms = dice.between(500, 2_000);
        alpha(
            script,
            vec![(50, Do::Ring(0)), (90, Do::Ring(1)), (at_ms, Do::Answer(200, 0)), (at_ms + dice.below(600), Do::Answer(200, 1))],
        );
    }),
    ("re-INVITE of the caller", |script, dice| in_call(script, dice, Do::Reinvite, true)),
    ("re-INVITE of the callee", |script, dice| in_call(script, dice, Do::Reinvite, false)),
    ("re-INVITE refused", |script, dice| {
        script.reinvited = Reinvited::At(dice.below(500), 488);
        in_call(script, dice, Do::Reinvite, true);
    }),
    ("re-INVITE while the call ends", |script, dice| {
        script.reinvited = Reinvited::Slowly(dice.between(800, 3_000), 200);
        script.callers[0].when_answered = vec![(1_000, Do::Reinvite)];
        script.callees[0].when_acknowledged = vec![(dice.between(900, 2_500), Do::HangUp)];
    }),
    ("re-INVITE glare", |script, dice| {
        let at_ms = dice.between(300, 3_000);
        script.reinvited = Reinvited::Slowly(dice.between(0, 700), 200);
        script.callers[0].when_answered = vec![(at_ms, Do::Reinvite), (at_ms + 12_000, Do::HangUp)];
        script.callees[0].when_acknowledged = vec![(at_ms + dice.below(40), Do::Reinvite)];
    }),
    ("UPDATE in the early dialog and after", |script, dice| {
        alpha(script, vec![(50, Do::RingReliably(0)), (dice.between(1_500, 4_000), Do::Answer(200, 0))]);
        script.callers[0].when_ringing = vec![(dice.between(100, 1_000), Do::Update)];
        in_call(script, dice, Do::Update, dice.clone().is_hit(50));
    }),
    ("PRACK", |script, dice| alpha(script, vec![(dice.below(300), Do::RingReliably(0)), (dice.between(800, 4_000), Do::Answer(200, 0))])),
    ("PRACK of two forks", |script, dice| {
        alpha(
            script,
            vec![(50, Do::RingReliably(0)), (dice.between(700, 2_000), Do::Ring(1)), (dice.between(2_500, 4_000), Do::Answer(200, 0))],
        );
    }),
    ("INFO", |script, dice| in_call(script, dice, Do::Info, dice.clone().is_hit(50))),
    ("the caller moves", |script, dice| {
        let at_ms = dice.between(300, 2_000);
        script.callers[0].when_answered =
            vec![(at_ms, Do::Move), (at_ms + 1, Do::Reinvite), (at_ms + dice.between(100, 9_000), Do::HangUp)];
        script.callees[0].when_acknowledged = vec![(at_ms + dice.between(50, 12_000), Do::HangUp)];
    }),
    ("the caller moves, and may not", |script, dice| {
        script.is_readmitted = false;
        let at_ms = dice.between(300, 2_000);
        script.callers[0].when_answered =
            vec![(at_ms, Do::Move), (at_ms + 1, Do::Reinvite), (at_ms + dice.between(3_000, 9_000), Do::HangUp)];
    }),
    ("the caller moves and is asked about for ever", |script, dice| {
        script.recheck_ms = 6_000;
        let at_ms = dice.between(300, 2_000);
        script.callers[0].when_answered = vec![(at_ms, Do::Move), (at_ms + 1, Do::Reinvite), (at_ms + 9_000, Do::HangUp)];
    }),
    ("the key changes in mid-call", |script, dice| {
        script.rotates_at_ms = Some(dice.below(6_000));
        in_call(script, dice, Do::Reinvite, dice.clone().is_hit(50));
    }),
    ("refused by the edge", |script, dice| script.decision = Decision::Reject { after_ms: dice.pick(&[0, 50, 2_000]) }),
    ("no usable gateway", |script, _| script.decision = Decision::NoTarget),
    ("no decision", |script, dice| {
        script.decision = if dice.is_hit(50) { Decision::Nothing } else { Decision::Route { after_ms: dice.between(4_950, 5_050) } };
    }),
    ("ended by order, wherever it stands", |script, dice| {
        script.decision = Decision::Route { after_ms: dice.pick(&[0, 300]) };
        script.hangs_up_at_ms = Some(dice.below(6_000));
    }),
    ("ended by order while a re-INVITE is under way", |script, dice| {
        let at_ms = dice.between(300, 2_000);
        script.reinvited = Reinvited::Slowly(dice.between(500, 3_000), 200);
        script.callers[0].when_answered = vec![(at_ms, Do::Reinvite), (at_ms + 9_000, Do::HangUp)];
        script.hangs_up_at_ms = Some(dice.between(1_500, 8_000));
    }),
    ("ended by order and by both sides at once", |script, dice| {
        let at_ms = hold(dice);
        script.callers[0].when_answered = vec![(at_ms, Do::HangUp)];
        script.callees[0].when_acknowledged = vec![(at_ms + dice.below(20), Do::HangUp)];
        script.hangs_up_at_ms = Some(at_ms + dice.between(200, 4_000));
    }),
    ("two calls at once", |script, dice| {
        script.callers.push(CallerScript { plan: vec![(dice.below(1_500), Do::Invite)], ..script.callers[0].clone() });
        script.callers[1].when_answered = vec![(hold(dice), Do::HangUp)];
    }),
    ("longer than any call may be", |script, dice| {
        script.callers[0].when_answered = vec![(500_000 + dice.below(1_000), Do::HangUp)];
        script.callees[0].when_acknowledged = vec![(500_000, Do::HangUp)];
    }),
];

pub fn script(flow: usize, dice: &mut Dice) -> Script {
    let (name, change) = FLOWS[flow];
    let mut script = Script {
        name,
        callers: vec![CallerScript {
            plan: vec![(0, Do::Invite)],
            when_ringing: Vec::new(),
            when_answered: vec![(hold(dice), Do::HangUp)],
        }],
        callees: [CalleeScript::default(), CalleeScript::default()],
        reinvited: Reinvited::At(dice.below(300), 200),
        decision: Decision::Route { after_ms: 0 },
        is_readmitted: true,
        recheck_ms: dice.below(100),
        rotates_at_ms: None,
        hangs_up_at_ms: None,
    };
    for callee in &mut script.callees {
        callee.when_invited = willingly(dice);
    }
    change(&mut script, dice);
    for callee in &mut script.callees {
        if callee.when_invited.iter().any(|(_, what)| matches!(what, Do::Ring(_) | Do::RingReliably(_))) {
            callee.when_invited.push((CALLEE_PATIENCE_MS, Do::Answer(480, 0)));
        }
    }
    script
}

fn alpha(script: &mut Script, steps: Steps) {
    script.callees[0].when_invited = steps;
}

fn hold(dice: &mut Dice) -> u64 {
    dice.between(200, 8_000)
}

fn willingly(dice: &mut Dice) -> Steps {
    let ring_ms = dice.between(20, 900);
    vec![(dice.below(20), Do::Try), (ring_ms, Do::Ring(0)), (ring_ms + dice.between(100, 3_000), Do::Answer(200, 0))]
}

/// Longer than the caller's patience, shorter than the edge's with a silent gateway.
fn slowly(dice: &mut Dice) -> Steps {
    let ring_ms = dice.between(500, 2_500);
    vec![(ring_ms, Do::Ring(0)), (ring_ms + dice.below(2_000), Do::Answer(200, 0))]
}

/// Something happens in the call, from either side, before the caller hangs up.
fn in_call(script: &mut Script, dice: &mut Dice, what: Do, is_callers: bool) {
    let at_ms = dice.between(300, 3_000);
    let hang_up = (at_ms + dice.between(20, 6_000), Do::HangUp);
    match is_callers {
        true => script.callers[0].when_answered = vec![(at_ms, what), hang_up],
        false => {
            script.callers[0].when_answered = vec![hang_up];
            script.callees[0].when_acknowledged = vec![(at_ms, what)];
        }
    }
}
