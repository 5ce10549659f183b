//! Mails, through SES. What a mail says is the notify function's business.

use std::sync::{Arc, Mutex};

use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};

use crate::runtime::Clients;
use crate::runtime::env::{self, Env};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// SES will never send this one.
    #[error("the mail was refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("mail is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Debug, Clone)]
pub enum Mail {
    Ses {
        clients: Clients,
        sender: String,
        /// Decides what becomes of bounces and complaints.
        configuration_set: String,
    },
    Memory(MemoryMail),
}

/// What was sent, in order.
#[derive(Debug, Clone, Default)]
pub struct MemoryMail(Arc<Mutex<Vec<Letter>>>);

impl Mail {
    pub fn from_env(env: &Env, clients: &Clients) -> Self {
        Self::Ses {
            clients: clients.clone(),
            sender: env.read(&env::MAIL_SENDER),
            configuration_set: env.read(&env::MAIL_CONFIGURATION_SET),
        }
    }

    pub fn memory() -> Self {
        Self::Memory(MemoryMail::default())
    }

    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        // SES builds the headers, so nothing can be smuggled into them; a line break would only make an odd subject.
        if letter.to.contains(['\r', '\n']) || letter.subject.contains(['\r', '\n']) {
            return Err(MailError::Refused("a line break in a header".into()));
        }
        match self {
            Self::Ses {
                clients,
                sender,
                configuration_set,
            } => {
                let content = content(letter).map_err(|error| MailError::Refused(Box::new(error)))?;
                let destination = Destination::builder().to_addresses(&letter.to).build();
                let request = clients
                    .ses()
                    .send_email()
                    .from_email_address(sender)
                    .configuration_set_name(configuration_set)
                    .destination(destination)
                    .content(content);
                request.send().await.map(drop).map_err(|error| match error.code() {
                    Some("MessageRejected" | "BadRequestException") => MailError::Refused(Box::new(error)),
                    _ => MailError::Unavailable(Box::new(error)),
                })
            }
            Self::Memory(memory) => {
                memory.lock().push(letter.clone());
                Ok(())
            }
        }
    }

    /// The mails in memory; `None` on SES.
    pub fn as_memory(&self) -> Option<&MemoryMail> {
        match self {
            Self::Memory(memory) => Some(memory),
            Self::Ses { .. } => None,
        }
    }
}

impl MemoryMail {
    /// Everything sent since the last call, oldest first.
    pub fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Letter>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn content(letter: &Letter) -> Result<EmailContent, aws_sdk_sesv2::error::BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let mut body = Body::builder().text(utf8(&letter.text)?);
    if let Some(html) = &letter.html {
        body = body.html(utf8(html)?);
    }
    let message = Message::builder()
        .subject(utf8(&letter.subject)?)
        .body(body.build())
        .build();
    Ok(EmailContent::builder().simple(message).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_break_in_a_header_is_refused() {
        let mail = Mail::memory();
        let letter = Letter {
            to: "a@example.com".into(),
            subject: "Hello".into(),
            text: "…".into(),
            html: None,
        };
        mail.send(&letter).await.expect("sent");
        let smuggled = Letter {
            subject: "Hello\r\nBcc: b@example.com".into(),
            ..letter.clone()
        };
        assert!(matches!(mail.send(&smuggled).await, Err(MailError::Refused(_))));
        assert_eq!(mail.as_memory().expect("in memory").take(), [letter]);
    }
}
