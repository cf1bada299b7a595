//! `Invite`: the admitted INVITE as Python sees it, and the policy that shows it.

use std::sync::Arc;

use pyo3::prelude::*;
use trunkline_edge::{Decision, Outcome, Policy};
use trunkline_message::text::unfold;
use trunkline_message::{HeaderName, OwnedMessage};

use crate::decision::DecisionClasses;

/// Its own copy of what it shows: Python may keep it longer than the call lives.
#[pyclass(frozen, module = "trunkline.engine._engine")]
pub struct Invite {
    call: u128,
    #[pyo3(get)]
    position: u64,
    /// All texts, one behind the other.
    texts: String,
    ends: [u32; TEXTS],
    message: Arc<OwnedMessage>,
}

/// Texts of an invite, in the order of `Invite::texts`.
#[derive(Clone, Copy)]
enum Text {
    Tenant,
    Domain,
    Host,
    Number,
    Source,
    Transport,
    Acl,
    Account,
    Address,
    AccountCallerId,
    AddressCallerId,
}

const TEXTS: usize = Text::AddressCallerId as usize + 1;

impl Invite {
    fn new(invite: &trunkline_edge::Invite<'_>) -> Self {
        let parts: [&str; TEXTS] = [
            invite.tenant,
            invite.domain,
            invite.host,
            invite.number,
            invite.source,
            invite.transport,
            invite.acl,
            invite.account,
            invite.address,
            invite.account_caller_id,
            invite.address_caller_id,
        ];
        let mut texts = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0; TEXTS];
        for (part, end) in parts.iter().zip(&mut ends) {
            texts.push_str(part);
            // A datagram and the listed names are far below 4 GiB.
            *end = texts.len() as u32;
        }
        Invite { call: invite.call.0, position: invite.position, texts, ends, message: Arc::clone(invite.message) }
    }

    fn text(&self, which: Text) -> &str {
        let at = which as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.texts[start..self.ends[at] as usize]
    }
}

#[pymethods]
impl Invite {
    #[getter]
    fn call(&self) -> String {
        format!("{:032x}", self.call)
    }

    #[getter]
    fn tenant(&self) -> &str {
        self.text(Text::Tenant)
    }

    #[getter]
    fn domain(&self) -> &str {
        self.text(Text::Domain)
    }

    #[getter]
    fn host(&self) -> &str {
        self.text(Text::Host)
    }

    #[getter]
    fn number(&self) -> &str {
        self.text(Text::Number)
    }

    #[getter]
    fn source(&self) -> &str {
        self.text(Text::Source)
    }

    #[getter]
    fn transport(&self) -> &str {
        self.text(Text::Transport)
    }

    #[getter]
    fn acl(&self) -> &str {
        self.text(Text::Acl)
    }

    #[getter]
    fn account(&self) -> &str {
        self.text(Text::Account)
    }

    #[getter]
    fn address(&self) -> &str {
        self.text(Text::Address)
    }

    #[getter]
    fn account_caller_id(&self) -> &str {
        self.text(Text::AccountCallerId)
    }

    #[getter]
    fn address_caller_id(&self) -> &str {
        self.text(Text::AddressCallerId)
    }

    #[getter]
    fn has_identity_headers(&self) -> bool {
        let names = [HeaderName::Privacy, HeaderName::PAssertedIdentity, HeaderName::PPreferredIdentity];
        self.message.view().headers().iter().any(|header| names.contains(&header.name))
    }

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
        format!("Invite({} {} {} from {})", self.call(), self.host(), self.number(), self.source())
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
