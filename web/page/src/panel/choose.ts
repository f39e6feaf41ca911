/** Which panel a model gets. */

import type { Session } from '../session.js';
import { ChoicePanel } from './choice.js';
import { DrawPanel } from './draw.js';
import { FormPanel } from './form.js';
import type { Panel } from './panel.js';
import { PhotoPanel } from './photo.js';
import { SentencePanel } from './sentence.js';
import { TensorsPanel } from './tensors.js';

/** The panel that fits what a model takes. */
export function panelFor(session: Session): Panel {
  switch (session.opened.modality) {
    case 'image':
      return session.parts.some(({ input }) => input?.image?.ink) ? drawOrPhoto(session) : new PhotoPanel(session);
    case 'text':
      return new SentencePanel(session);
    case 'tabular':
      return new FormPanel(session);
    case 'tensors':
      return new TensorsPanel(session);
  }
}

/** A model of drawings takes photos of paper, too. */
function drawOrPhoto(session: Session): Panel {
  return new ChoicePanel([
    ['Draw', new DrawPanel(session)],
    ['Use a picture', new PhotoPanel(session)],
  ]);
}
