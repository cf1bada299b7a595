//! `Invite`: the admitted INVITE as Python sees it, and the policy that shows it.

use pyo3::prelude::*;
use trunkline_edge::{Decision, Outcome, Policy};
use trunkline_message::text::unfold;
use trunkline_message::OwnedMessage;

use crate::decision::DecisionClasses;

/// A copy of what it shows: Python may keep it longer than the worker keeps the datagram.
#[pyclass(frozen, module = "trunkline.engine._engine")]
pub struct Invite {
    #[pyo3(get)]
    call: String,
    #[pyo3(get)]
    position: u64,
    #[pyo3(get)]
    tenant: String,
    #[pyo3(get)]
    domain: String,
    #[pyo3(get)]
    host: String,
    #[pyo3(get)]
    number: String,
    #[pyo3(get)]
    source: String,
    #[pyo3(get)]
    transport: String,
    #[pyo3(get)]
    acl: String,
    #[pyo3(get)]
    account: String,
    #[pyo3(get)]
    address: String,
    #[pyo3(get)]
    caller_id: String,
    message: OwnedMessage,
}

impl Invite {
    fn new(invite: &trunkline_edge::Invite<'_>) -> Self {
        Invite {
            call: format!("{:032x}", invite.call.0),
            position: invite.position,
            tenant: invite.tenant.to_owned(),
            domain: invite.domain.to_owned(),
            host: invite.host.to_owned(),
            number: invite.number.to_owned(),
            source: invite.source.to_owned(),
            transport: invite.transport.to_owned(),
            acl: invite.acl.to_owned(),
            account: invite.account.to_owned(),
            address: invite.address.to_owned(),
            caller_id: invite.caller_id.to_owned(),
            message: OwnedMessage::copy_of(&invite.message),
        }
    }
}

#[pymethods]
impl Invite {
    #[getter(from_uri)]
    fn caller_uri(&self) -> String {
        to_text(self.message.view().from().uri_bytes)
    }

    #[getter(from_display_name)]
    fn caller_display_name(&self) -> String {
        to_text(&self.message.view().from().display_name())
    }

    #[getter]
    fn to_uri(&self) -> String {
        to_text(self.message.view().to().uri_bytes)
    }

    fn header(&self, name: &str) -> Vec<String> {
        let message = self.message.view();
        message.named(name.as_bytes()).map(|header| to_text(&unfold(header.value.of(message.bytes())))).collect()
    }

    fn __repr__(&self) -> String {
        format!("Invite({} {} {} from {})", self.call, self.host, self.number, self.source)
    }
}

fn to_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asks `on_invite`. Whatever goes wrong there goes to `sys.unraisablehook`, and the call is answered with T901.
pub struct PythonPolicy {
    on_invite: Py<PyAny>,
    on_question: Option<Py<PyAny>>,
    classes: DecisionClasses,
}

impl PythonPolicy {
    pub fn new(py: Python<'_>, on_invite: Py<PyAny>, on_question: Option<Py<PyAny>>) -> PyResult<Self> {
        Ok(PythonPolicy { on_invite, on_question, classes: DecisionClasses::import(py)? })
    }

    fn decision(&self, py: Python<'_>, invite: Invite) -> PyResult<Decision> {
        let answer = self.on_invite.bind(py).call1((invite,))?;
        self.classes.extract(py, &answer)
    }
}

impl Policy for PythonPolicy {
    fn decide(&mut self, invite: &trunkline_edge::Invite<'_>) -> Decision {
        let invite = Invite::new(invite);
        // Cheap: the worker's thread keeps its Python thread state.
        Python::attach(|py| {
            self.decision(py, invite).unwrap_or_else(|error| {
                let what = error.to_string();
                error.write_unraisable(py, Some(self.on_invite.bind(py)));
                Decision { outcome: Outcome::Failed(what), ..Decision::default() }
            })
        })
    }

    fn ask(&mut self, invite: &trunkline_edge::Invite<'_>) -> bool {
        let Some(on_question) = &self.on_question else { return false };
        let invite = Invite::new(invite);
        Python::attach(|py| match on_question.bind(py).call1((invite,)) {
            Ok(_) => true,
            Err(error) => {
                error.write_unraisable(py, Some(on_question.bind(py)));
                false
            }
        })
    }
}
