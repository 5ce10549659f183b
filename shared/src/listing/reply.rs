//! What a partner and the moderators say to each other about a version.
//!
//! A moderator asks in a case; the partner replies at the version, at any time: what they say stays when the case has ended. Partners are not
//! told which moderator it was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::{Case, CaseError, Reviewer};
use super::content::{Flaw, check_text};
use super::version::Version;
use crate::ids::{ListingId, PartnerId, ReplyId, UserId, VersionId};
use crate::messages::{Envelope, Message, Notice};
use crate::seed::Seed;

const MAX_TEXT_CHARS: usize = 5_000;
/// About one version. Whoever needs more should speak to each other.
pub const MAX_REPLIES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub id: ReplyId,
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    pub side: Side,
    pub by: UserId,
    pub at: Timestamp,
    pub text: String,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = ReplySide)]
pub enum Side {
    Partner,
    Moderator,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    #[error("there is nothing to say, or too much")]
    Invalid(Vec<Flaw>),
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error("{MAX_REPLIES} replies are there already")]
    TooMany,
}

/// What was said, with all that follows from it; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub reply: Reply,
    /// What waits for a moderator, as the last reply left it.
    pub case: Option<Case>,
    /// Tells the partner's owner.
    pub notice: Option<Envelope>,
}

/// The partner says something; `case` is what waits for a moderator about the version.
pub fn answer(
    version: &Version,
    case: Option<&Case>,
    text: &str,
    (by, said): (UserId, usize),
    (now, seed): (Timestamp, &Seed),
) -> Result<Said, ReplyError> {
    Ok(Said {
        reply: reply(version, Side::Partner, text, (by, said), (now, seed))?,
        case: case.map(|case| case.answered(now)),
        notice: None,
    })
}

/// A moderator says something in a case that nobody else is at.
pub fn ask(
    version: &Version,
    case: &Case,
    text: &str,
    (reviewer, said): (Reviewer, usize),
    owner: UserId,
    (now, seed): (Timestamp, &Seed),
) -> Result<Said, ReplyError> {
    case.is_open_to(reviewer, now)?;
    let reply = reply(version, Side::Moderator, text, (reviewer.user, said), (now, seed))?;
    let message = Message::PartnerNotice {
        partner: case.partner,
        user: owner,
        notice: Notice::Reply {
            listing_title: case.title.clone(),
            version: case.number.to_string(),
            text: reply.text.clone(),
        },
    };
    Ok(Said {
        reply,
        case: None,
        notice: Some(Envelope::new(seed.id("notice"), message)),
    })
}

fn reply(
    version: &Version,
    side: Side,
    text: &str,
    (by, said): (UserId, usize),
    (at, seed): (Timestamp, &Seed),
) -> Result<Reply, ReplyError> {
    let mut flaws = Vec::new();
    check_text(&mut flaws, "/text", text, 1, MAX_TEXT_CHARS);
    if !flaws.is_empty() {
        return Err(ReplyError::Invalid(flaws));
    }
    if said >= MAX_REPLIES {
        return Err(ReplyError::TooMany);
    }
    Ok(Reply {
        id: seed.id("reply"),
        partner: version.partner,
        listing: version.listing,
        version: version.id,
        side,
        by,
        at,
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{HandedIn, claim, sample};

    fn asked(reviewer: Reviewer, case: &Case, text: &str, said: usize) -> Result<Said, ReplyError> {
        let seed = sample::seed(5);
        let version = sample::submitted().version;
        ask(
            &version,
            case,
            text,
            (reviewer, said),
            sample::author(),
            (sample::now(), &seed),
        )
    }

    #[test]
    fn a_question_goes_to_the_owner_by_mail() {
        let said = asked(
            sample::reviewer(),
            &sample::submitted().case,
            "Whose samples are these?",
            0,
        );
        let said = said.expect("open");
        assert_eq!(said.reply.side, Side::Moderator);
        let message = said.notice.expect("a mail").message;
        let Message::PartnerNotice {
            user,
            notice: Notice::Reply { text, .. },
            ..
        } = message
        else {
            panic!("a mail with the question")
        };
        assert_eq!((user, text.as_str()), (sample::author(), "Whose samples are these?"));
    }

    #[test]
    fn an_answer_is_seen_in_the_queue() {
        let HandedIn { version, case, .. } = sample::submitted();
        let when = (sample::now(), &sample::seed(5));
        let said = answer(&version, Some(&case), "Our own.", (sample::author(), 1), when).expect("room for it");
        assert_eq!(said.case.expect("still waits").answered_at, Some(sample::now()));
        assert_eq!(said.notice, None);
    }

    #[test]
    fn moderators_ask_in_cases_that_are_theirs_to_ask_in() {
        let case = sample::submitted().case;
        let own = Reviewer {
            of_the_team: true,
            ..sample::reviewer()
        };
        assert_eq!(asked(own, &case, "Good?", 0), Err(CaseError::OwnWork.into()));
        let seed = sample::seed(6);
        let another = Reviewer {
            user: seed.id("another"),
            of_the_team: false,
        };
        let claimed = claim(&case, another, sample::now(), &seed).expect("open").case;
        let refused = asked(sample::reviewer(), &claimed, "Good?", 0);
        assert!(matches!(refused, Err(ReplyError::Case(CaseError::ClaimedByAnother(_)))));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let case = sample::submitted().case;
        assert_eq!(
            asked(sample::reviewer(), &case, "Again?", MAX_REPLIES),
            Err(ReplyError::TooMany)
        );
        for text in ["", &"x".repeat(MAX_TEXT_CHARS + 1)] {
            assert!(matches!(
                asked(sample::reviewer(), &case, text, 0),
                Err(ReplyError::Invalid(_))
            ));
        }
    }
}
